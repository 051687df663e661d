// The figures of one shelf, as an instrument shows them.

import { el, svg, unlessSame } from "./dom.js";
import { conditions } from "./part.js";
import { fixed, unitWord } from "./words.js";

/**
 * @typedef {import("./types.js").Shelf} Shelf
 * @typedef {import("./types.js").Figure} Figure
 * @typedef {import("./types.js").Fan} Fan
 */

// The scale is fixed, so that a place on it always means the same.
const low = 15;
const high = 60;

/** @param {number} value */
const known = (value) => (Number.isFinite(value) ? value : null);

/** @param {number} value */
const at = (value) => `${(Math.min(Math.max(value, low), high) - low) / (high - low) * 100}%`;

/** The figures that stand by themselves, and by how many digits. */
const leading = new Map([["inlet", 1], ["hot_air", 1], ["power", 0], ["air_flow", 0]]);

export class Figures extends HTMLElement {
  #delta = el("span", { class: "num" });
  #why = el("p", { class: "why muted" });
  #band = el("div", { class: "band" });
  #limits = el("div", { class: "limits" });
  #ends = el("div", { class: "ends" });
  #cells = el("dl", { class: "cells" });
  #fans = el("ul", { class: "fans" });
  #rest = el("dl", { class: "ratings" });
  #rate = unlessSame((/** @type {Figure[]} */ rest) => this.#rest.replaceChildren(...rest.map(rating)));
  #more = el("details", { class: "more" }, el("summary", {}, "Air figures"), this.#rest);

  /** @type {Shelf | null} */
  #shelf = null;

  connectedCallback() {
    this.append(
      el("div", { class: "delta" },
        el("p", { class: "label" }, "ΔT, cold to hot"),
        el("p", { class: "delta-value" }, this.#delta, el("span", { class: "unit" }, "K")),
        this.#why),
      el("div", { class: "scale", "aria-hidden": "true" }, el("div", { class: "track" }, this.#band, this.#limits), this.#ends),
      this.#cells, this.#fans, this.#more);
  }

  /** @param {Shelf} shelf */
  show(shelf) {
    this.#shelf = shelf;
    this.classList.remove("rolling");
    const f = shelf.figures;
    const { inlet, hot_air: hot, delta_t: delta } = f;
    this.#delta.textContent = fixed(delta?.value);
    this.#why.textContent = delta?.why ?? "";
    this.#cells.replaceChildren(
      ...[...leading].flatMap(([key, digits]) => (f[key] ? [leadingCell(f[key], digits, limitOf(shelf, key))] : [])),
      cell("Hottest Pi", fixed(shelf.worst?.value), "°C", shelf.worst ? `slot ${shelf.worst.slot}` : "no fresh values"));
    this.#scale(inlet?.value ?? null, hot?.value ?? null, shelf);
    this.#fans.replaceChildren(...shelf.fans.map(fanRow));
    const rest = Object.entries(f).filter(([key]) => key !== "delta_t" && !leading.has(key)).map(([, figure]) => figure);
    this.#more.hidden = rest.length === 0;
    this.#rate(rest);
  }

  /**
   * roll shows what a frame of a playback knows; the rest fades until it rests.
   * @param {import("./frames.js").Frame} frame
   */
  roll(frame) {
    this.classList.add("rolling");
    this.#why.textContent = "";
    this.#delta.textContent = fixed(known(frame.delta));
    this.#scale(known(frame.inlet), known(frame.hot), this.#shelf);
  }

  /**
   * @param {number | null} inlet
   * @param {number | null} hot
   * @param {Shelf | null} shelf
   */
  #scale(inlet, hot, shelf) {
    this.#band.hidden = inlet === null || hot === null;
    if (inlet !== null && hot !== null) {
      this.#band.style.setProperty("left", at(Math.min(inlet, hot)));
      this.#band.style.setProperty("right", `calc(100% - ${at(Math.max(inlet, hot))})`);
    }
    if (!shelf) return;
    const { limits } = shelf;
    /** @type {[number, string][]} */
    const marks = [[limits.inlet, "inlet"], [limits.hot, "hot"], [limits.critical, "critical"]];
    this.#limits.replaceChildren(...marks.map(([value, name]) => placed(el("i", { class: name, title: `${name} limit ${value} °C` }), value)));
    this.#ends.replaceChildren(...[low, 30, 45, high].map((value) => placed(el("span", { class: "num" }, `${value}°`), value)));
  }
}

/**
 * @param {Shelf} shelf
 * @param {string} key of a figure
 */
const limitOf = (shelf, key) =>
  key === "inlet" ? `limit ${fixed(shelf.limits.inlet, 0)}` : key === "hot_air" ? `limit ${fixed(shelf.limits.hot, 0)}` : "";

/**
 * @param {Figure} figure
 * @param {number} digits
 * @param {string} note of a value
 */
const leadingCell = (figure, digits, note) => cell(figure.name, fixed(figure.value, digits), unitWord(figure.unit), figure.why ?? note);

/**
 * @param {string} name
 * @param {string} value
 * @param {string} unit
 * @param {string} note
 */
const cell = (name, value, unit, note) =>
  el("div", {}, el("dt", { class: "label" }, name), el("dd", { class: "num" }, value, el("span", { class: "unit" }, unit)), el("dd", { class: "note" }, note));

/**
 * rating shows a figure with what it was made from, or why there is none.
 * @param {Figure} f
 */
function rating(f) {
  const value = f.text ?? (f.value === null ? "not computable" : fixed(f.value, f.unit === "/" ? 2 : 1));
  const known = f.text !== null || f.value !== null;
  return el("div", {},
    el("dt", {}, f.name),
    el("dd", { class: known ? "num" : "num muted" }, value, known && unitWord(f.unit) ? el("span", { class: "unit" }, unitWord(f.unit)) : null),
    el("dd", { class: "note" }, f.why ?? f.inputs),
    el("dd", { class: "note formula" }, f.formula, el("cite", {}, f.source)));
}

/**
 * @template {HTMLElement} E
 * @param {E} node
 * @param {number} value
 */
function placed(node, value) {
  node.style.setProperty("left", at(value));
  return node;
}

/** @param {Fan} fan */
function fanRow(fan) {
  const full = 1.6; // of what is healthy, at the end of the meter
  const bar = el("i", {});
  bar.style.setProperty("width", `${Math.min((fan.speed ?? 0) / (fan.healthy * full), 1) * 100}%`);
  const mark = el("b", { title: `healthy from ${fan.healthy} turns a second` });
  mark.style.setProperty("left", `${100 / full}%`);
  return el("li", { class: fan.condition },
    fanSign(fan.condition === "ok" || fan.condition === "slow"),
    el("span", { class: "fan-name" }, `Fan ${fan.name}`),
    el("span", { class: "meter", "aria-hidden": "true" }, bar, mark),
    el("span", { class: "num" }, fixed(fan.speed), el("span", { class: "unit" }, "1/s")),
    el("span", { class: "fan-word" }, conditions[fan.condition] ?? fan.condition));
}

/**
 * fanSign turns on from where the last drawn one was: it is drawn anew with
 * every value.
 * @param {boolean} turns
 */
function fanSign(turns) {
  const sign = svg("svg", { viewBox: "0 0 20 20", width: 18, height: 18, class: turns ? "fan-sign turns" : "fan-sign", "aria-hidden": "true" },
    svg("path", { fill: "currentColor", d: "M10 8.500C9 6 8.500 2 11.500 2c2.500 0 2 3.500 0 6.200zM11.300 9.300c2.700-.3 6.400.9 5.900 3.800-.5 2.500-3.900 1.400-6.200-1.100zM9.500 11.400c-.6 2.600-3.200 5.600-5.600 4-2.100-1.500.6-3.900 4-4.800zM8.600 9.600C6 9.300 2.400 7.700 3.400 5c1-2.300 3.900-.4 5.300 2.800z" }),
    svg("circle", { cx: 10, cy: 10, r: 1.6, fill: "currentColor" }));
  sign.style.setProperty("animation-delay", `${-(performance.now() % 1600)}ms`); // see .turns
  return sign;
}

customElements.define("tr-figures", Figures);
