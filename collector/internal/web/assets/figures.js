// The figures of one shelf, as an instrument shows them.

import { byId, el, fixed, svg } from "/assets/dom.js";

// The scale is fixed, so that a place on it always means the same.
const low = 15;
const high = 60;
const at = (value) => `${(Math.min(Math.max(value, low), high) - low) / (high - low) * 100}%`;

export class Figures {
  #delta = el("span", { class: "num" });
  #why = el("p", { class: "why muted" });
  #band = el("div", { class: "band" });
  #limits = el("div", { class: "limits" });
  #ends = el("div", { class: "ends" });
  #cells = new Map();
  #fans = el("ul", { class: "fans" });

  constructor() {
    const names = [["inlet", "Inlet"], ["hot_air", "Hot air"], ["power", "Power"], ["air_flow", "Air flow"], ["worst", "Hottest Pi"]];
    for (const [key, name] of names) {
      this.#cells.set(key, { name, value: el("dd", { class: "num" }), note: el("dd", { class: "note" }) });
    }
    byId("figures").append(
      el("div", { class: "delta" },
        el("p", { class: "label" }, "ΔT, cold to hot"),
        el("p", { class: "delta-value" }, this.#delta, el("span", { class: "unit" }, "K")),
        this.#why),
      el("div", { class: "scale", "aria-hidden": "true" }, el("div", { class: "track" }, this.#band, this.#limits), this.#ends),
      el("dl", { class: "cells" }, ...[...this.#cells.values()].map((c) => el("div", {}, el("dt", { class: "label" }, c.name), c.value, c.note))),
      this.#fans);
  }

  show(shelf) {
    const f = shelf.figures;
    this.#delta.textContent = fixed(f.delta_t.value);
    this.#why.textContent = f.delta_t.why ?? "";
    this.#cell("inlet", fixed(f.inlet.value), "°C", f.inlet.why ?? `limit ${fixed(shelf.limits.inlet, 0)}`);
    this.#cell("hot_air", fixed(f.hot_air.value), "°C", f.hot_air.why ?? `limit ${fixed(shelf.limits.hot, 0)}`);
    this.#cell("power", fixed(f.power.value, 0), "W", f.power.why ?? "");
    this.#cell("air_flow", fixed(f.air_flow.value, 0), "W/K", f.air_flow.why ?? "");
    this.#cell("worst", fixed(shelf.worst?.value), "°C", shelf.worst ? `slot ${shelf.worst.slot}` : "no fresh values");
    this.#scale(f.inlet.value, f.hot_air.value, shelf.limits);
    this.#fans.replaceChildren(...shelf.fans.map(fanRow));
  }

  #cell(key, value, unit, note) {
    const cell = this.#cells.get(key);
    cell.value.replaceChildren(value, el("span", { class: "unit" }, unit));
    cell.note.textContent = note;
  }

  #scale(inlet, hot, limits) {
    this.#band.hidden = inlet === null || hot === null;
    if (!this.#band.hidden) {
      this.#band.style.setProperty("left", at(Math.min(inlet, hot)));
      this.#band.style.setProperty("right", `calc(100% - ${at(Math.max(inlet, hot))})`);
    }
    const marks = [[limits.inlet, "inlet"], [limits.hot, "hot"], [limits.critical, "critical"]];
    this.#limits.replaceChildren(...marks.map(([value, name]) => placed(el("i", { class: name, title: `${name} limit ${value} °C` }), value)));
    this.#ends.replaceChildren(...[low, 30, 45, high].map((value) => placed(el("span", { class: "num" }, `${value}°`), value)));
  }
}

function placed(node, value) {
  node.style.setProperty("left", at(value));
  return node;
}

const conditions = { ok: "running", slow: "too slow", stopped: "stopped", unknown: "silent" };

function fanRow(fan) {
  const share = fan.speed === null ? 0 : Math.min(fan.speed / (fan.healthy * 1.6), 1);
  const bar = el("i", {});
  bar.style.setProperty("width", `${share * 100}%`);
  const mark = el("b", { title: `healthy from ${fan.healthy} turns a second` });
  mark.style.setProperty("left", `${100 / 1.6}%`);
  return el("li", { class: fan.condition },
    fanSign(fan.condition === "ok" || fan.condition === "slow"),
    el("span", { class: "fan-name" }, `Fan ${fan.name}`),
    el("span", { class: "meter", "aria-hidden": "true" }, bar, mark),
    el("span", { class: "num" }, fixed(fan.speed), el("span", { class: "unit" }, "1/s")),
    el("span", { class: "fan-word" }, conditions[fan.condition] ?? fan.condition));
}

const fanSign = (turns) =>
  svg("svg", { viewBox: "0 0 20 20", width: 18, height: 18, class: turns ? "fan-sign turns" : "fan-sign", "aria-hidden": "true" },
    svg("path", { fill: "currentColor", d: "M10 8.500C9 6 8.500 2 11.500 2c2.500 0 2 3.500 0 6.200zM11.300 9.300c2.700-.3 6.400.9 5.900 3.800-.5 2.500-3.900 1.400-6.200-1.100zM9.500 11.400c-.6 2.600-3.200 5.600-5.600 4-2.100-1.500.6-3.900 4-4.800zM8.600 9.600C6 9.300 2.400 7.700 3.400 5c1-2.300 3.900-.4 5.300 2.800z" }),
    svg("circle", { cx: 10, cy: 10, r: 1.6, fill: "currentColor" }));
