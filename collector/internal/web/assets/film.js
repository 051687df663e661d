// A frame of a playback, drawn: the cells of the map in the collector's colours,
// for as long as it moves. Where it rests, the collector draws the moment itself.

import { svg } from "./dom.js";
import { colourOf } from "./frames.js";
import { clockSecond, dayOf, fixed } from "./words.js";

/**
 * @typedef {import("./frames.js").Frame} Frame
 * @typedef {import("./frames.js").Section} Section
 * @typedef {import("./types.js").Scale} Scale
 * @typedef {{x: number, y: number, w: number, h: number}} Box
 * @typedef {{view: Box, grid: Box}} Ground where the map's picture has its cells
 */

const legend = 14; // height of the bar of colours, in units
const number = (/** @type {number} */ v, digits = 1) => (Number.isFinite(v) ? fixed(v, digits) : "–");

/** A Film is one picture whose cells change. */
export class Film {
  #scale;
  #ground;
  /** @type {Section | null} */
  #section = null;
  /** @type {SVGRectElement[]} */
  #cells = [];
  /** @type {SVGRectElement[]} */
  #covers = [];
  #probes = /** @type {{dot: SVGCircleElement, text: SVGTextElement}[]} */ ([]);
  #fans = /** @type {SVGTextElement[]} */ ([]);
  #time = svg("text", { class: "film-time" });
  #delta = svg("text", { class: "film-time", "text-anchor": "end" });
  #hot = svg("text", { class: "film-hot" });
  #cold = svg("text", { class: "film-cold" });
  node;

  /**
   * @param {Scale} scale
   * @param {Ground} ground
   */
  constructor(scale, ground) {
    this.#scale = scale;
    this.#ground = ground;
    const { x, y, w, h } = ground.view;
    this.node = svg("svg", { class: "film", viewBox: `${x} ${y} ${w} ${h}`, "aria-hidden": "true" });
  }

  /** @param {Frame} frame */
  show(frame) {
    if (frame.section !== this.#section) this.#build(frame.section);
    const t = new Date(frame.t);
    this.#time.textContent = `${dayOf(t)} ${clockSecond(t)}`;
    this.#delta.textContent = `ΔT ${number(frame.delta)} K`;
    this.#hot.textContent = `HOT AISLE  ${number(frame.hot)} °C`;
    this.#cold.textContent = `COLD AISLE  ${number(frame.inlet)} °C`;
    frame.values.forEach((value, i) => {
      const source = frame.sources[i] ?? "-";
      const known = source !== "-" && Number.isFinite(value);
      this.#cells[i]?.setAttribute("fill", known ? colourOf(this.#scale, value) : "none");
      this.#covers[i]?.setAttribute("class", `film-${known ? source : "none"}`);
    });
    frame.probes.forEach((value, i) => {
      const probe = this.#probes[i];
      if (probe) probe.text.textContent = number(value);
    });
    frame.fans.forEach((value, i) => {
      const fan = frame.section.fans[i];
      const node = this.#fans[i];
      if (!fan || !node) return;
      node.textContent = `${fan.name} ${Number.isFinite(value) ? value <= 0 ? "stopped" : `${number(value)} /s` : "silent"}`;
      node.setAttribute("class", value < fan.healthy ? "film-fan bad" : "film-fan");
    });
  }

  /**
   * build draws what stands still, for a section of the playback.
   * @param {Section} section
   */
  #build(section) {
    this.#section = section;
    const { view, grid } = this.#ground;
    const [cw, ch] = [grid.w / section.columns, grid.h / section.depth];
    const size = Math.min(Math.max(grid.w / 42, 10), 18);
    const at = (/** @type {number} */ i) => ({ x: grid.x + i % section.columns * cw, y: grid.y + grid.h - (Math.floor(i / section.columns) + 1) * ch, width: cw, height: ch });
    this.#cells = section.slots.map((_, i) => svg("rect", { ...at(i), class: "film-cell" }));
    this.#covers = section.slots.map((_, i) => svg("rect", { ...at(i) }));
    this.#probes = section.probes.map((p) => this.#probe(p, size));
    this.#fans = section.fans.map((_, i) => svg("text", { x: grid.x + grid.w * (i + 0.5) / section.fans.length, y: grid.y - 1.9 * size, "text-anchor": "middle", "font-size": size }));
    place(this.#time, grid.x, view.y + 3.2 * size, 1.7 * size);
    place(this.#delta, grid.x + grid.w, view.y + 3.2 * size, 1.7 * size);
    place(this.#hot, grid.x, grid.y - 3.8 * size, size);
    place(this.#cold, grid.x, grid.y + grid.h + 3.2 * size, size);
    this.node.replaceChildren(
      patterns(), svg("rect", { ...rect(view), class: "film-ground" }),
      this.#time, this.#delta, this.#hot, this.#cold, ...this.#cells, ...this.#covers,
      svg("rect", { ...rect(grid), class: "film-edge" }),
      ...this.#fans, ...this.#probes.flatMap(({ dot, text }) => [dot, text]), ...this.#legend(size));
  }

  /**
   * @param {{x: number, y: number}} probe
   * @param {number} size
   */
  #probe({ x, y }, size) {
    const { grid } = this.#ground;
    const [cx, cy] = [grid.x + x * grid.w, grid.y + (1 - y) * grid.h];
    const below = y < 0.05;
    return {
      dot: svg("circle", { cx, cy, r: size / 3, class: "film-dot" }),
      text: svg("text", { x: cx, y: below ? cy + 1.3 * size : cy - 0.6 * size, "text-anchor": "middle", "font-size": size * 0.9, class: "film-probe" }),
    };
  }

  /** @param {number} size */
  #legend(size) {
    const { grid } = this.#ground;
    const { low, high, unit, colours } = this.#scale;
    const y = grid.y + grid.h + 4.6 * size;
    const w = grid.w / colours.length;
    return [
      ...colours.map((fill, i) => svg("rect", { x: grid.x + i * w, y, width: w + 0.5, height: legend, fill })),
      svg("text", { x: grid.x, y: y + legend + 1.2 * size, "font-size": 0.85 * size, class: "film-end" }, `${low} ${unit}`),
      svg("text", { x: grid.x + grid.w, y: y + legend + 1.2 * size, "font-size": 0.85 * size, "text-anchor": "end", class: "film-end" }, `${high} ${unit}`),
    ];
  }
}

/** @param {Box} b */
const rect = (b) => ({ x: b.x, y: b.y, width: b.w, height: b.h });

/**
 * @param {SVGTextElement} text
 * @param {number} x
 * @param {number} y
 * @param {number} size
 */
function place(text, x, y, size) {
  text.setAttribute("x", String(x));
  text.setAttribute("y", String(y));
  text.setAttribute("font-size", String(size));
}

/** What is not measured is hatched, ruled or crossed, as on the map. */
const patterns = () => svg("defs", {},
  svg("pattern", { id: "film-hatch", width: 9, height: 9, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, svg("path", { d: "M0 0v9" })),
  svg("pattern", { id: "film-rule", width: 8, height: 6, patternUnits: "userSpaceOnUse" }, svg("path", { d: "M0 3h5" })),
  svg("pattern", { id: "film-cross", width: 14, height: 14, patternUnits: "userSpaceOnUse" }, svg("path", { d: "M4 4l6 6M10 4l-6 6" })));
