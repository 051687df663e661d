// The map of a site or a rack: all its shelves on one canvas, with a link over
// each, for keys and for readers that speak too. Only what changed is drawn again.

import { el, move } from "./dom.js";
import { isDark } from "./bar.js";
import { layers, linkTo } from "./route.js";
import { Sight } from "./sight.js";
import { Tile, themes } from "./tile.js";
import { count, fixed } from "./words.js";

/**
 * @typedef {import("./tile.js").Shelf} Shelf
 * @typedef {import("./types.js").Layer} Layer
 *
 * @typedef {object} Overview
 * @property {string} site
 * @property {string | null} rack
 * @property {Layer} layer
 * @property {import("./tile.js").Scale} scale
 * @property {number} width
 * @property {number} height
 * @property {{rack: string, box: import("./tile.js").Box, shelves: Shelf[]}[]} racks
 */

/** @type {Record<Layer, string>} */
const layerWords = { air: "Air", soc: "Processors", poe: "Power", delta: "Change", excess: "Excess" };

/** A Site shows what the collector says of a site, or of one rack of it. */
export class Site extends HTMLElement {
  #canvas = el("canvas", { "aria-hidden": "true" });
  #links = el("ol", { class: "site-links", "aria-label": "Shelves. Arrow keys go from one to the next, plus and minus zoom, 0 shows all." });
  #view = el("div", { class: "site-view" }, this.#canvas, this.#links);
  #said = el("p", { class: "site-said" });
  #legend = el("div", { class: "site-legend" });
  #layers = el("nav", { class: "site-layers", "aria-label": "Layer of the map" });
  #sight = new Sight(this.#view, () => this.#soon());

  /** @type {Map<string, Tile>} */
  #tiles = new Map();
  /** @type {Map<string, string>} */
  #texts = new Map(); // what the tiles were made of
  /** @type {Map<string, HTMLAnchorElement>} */
  #anchors = new Map();
  /** @type {Overview | null} */
  #doc = null;
  #drawn = ""; // theme and scale of the tiles
  #places = ""; // of the shelves
  /** @type {Set<string> | "all"} */
  #dirty = new Set();
  #frame = 0;
  #painted = false;
  #focus = ""; // the shelf that Tab comes to

  connectedCallback() {
    const zoom = [["+", "+", "Nearer"], ["-", "−", "Farther"], ["0", "All", "All of it"]].map(([key, sign, name]) =>
      el("button", { type: "button", class: "quiet", "aria-label": name, onclick: () => this.#sight.key(key ?? "") }, sign));
    this.replaceChildren(el("header", { class: "site-tools" }, this.#layers, el("div", { class: "site-zoom" }, ...zoom)), this.#view, this.#said, this.#legend);
    this.#links.addEventListener("keydown", (e) => this.#key(e));
    this.#links.addEventListener("focusin", (e) => this.#point(e.target));
    this.#links.addEventListener("pointerover", (e) => this.#point(e.target));
  }

  /**
   * show shows what the collector answered. Of the same site, what is seen of it
   * stays the same.
   * @param {Overview} doc
   */
  show(doc) {
    const shelves = doc.racks.flatMap((r) => r.shelves);
    const drawn = [theme(), doc.layer, doc.site, doc.rack, JSON.stringify(doc.scale)].join();
    const anew = drawn !== this.#drawn;
    [this.#doc, this.#drawn] = [doc, drawn];
    if (anew) this.#explain(doc);
    this.#arrange(doc, shelves, anew);
    for (const shelf of shelves) {
      const text = JSON.stringify(shelf);
      if (text === this.#texts.get(shelf.shelf)) continue;
      const tile = new Tile(shelf, doc.scale, themes[theme()]);
      this.#texts.set(shelf.shelf, text);
      this.#tiles.set(shelf.shelf, tile);
      this.#anchors.get(shelf.shelf)?.replaceChildren(tile.says());
      this.#soon(shelf.shelf);
    }
  }

  /**
   * explain writes the legend, and the way to the other layers.
   * @param {Overview} doc
   */
  #explain({ scale, layer, site, rack }) {
    this.#legend.replaceChildren(...legend(scale));
    this.#layers.replaceChildren(...layers.map((l) =>
      el("a", { href: linkTo({ site, rack: rack ?? "", layer: l }), "aria-current": l === layer ? "true" : null }, layerWords[l])));
  }

  /**
   * arrange makes room for the shelves.
   * @param {Overview} doc
   * @param {Shelf[]} shelves
   * @param {boolean} anew whether all are drawn again
   */
  #arrange({ width, height, site, rack, layer }, shelves, anew) {
    const places = JSON.stringify(shelves.map((s) => [s.shelf, s.box]));
    const moved = places !== this.#places;
    if (anew || moved) {
      this.#tiles.clear();
      this.#texts.clear();
      this.#link(shelves, layer);
      this.#soon();
    }
    if (!moved) return;
    this.#places = places;
    this.setAttribute("role", "group");
    this.setAttribute("aria-label", `Map of ${rack === null ? `site ${site}` : `rack ${site}/${rack}`}, ${count(shelves.length, "shelf").replace("shelfs", "shelves")}`);
    this.#sight.of({ width, height, whole: rack !== null });
  }

  /**
   * link lays a link over each shelf. Tab comes to one of them, arrows to the others.
   * @param {Shelf[]} shelves
   * @param {Layer} layer
   */
  #link(shelves, layer) {
    this.#anchors = new Map(shelves.map((s) => [s.shelf, el("a", { href: linkTo({ view: "shelf", shelf: s.shelf, layer }), tabindex: -1, draggable: "false" })]));
    for (const { shelf, box: [left, top, width, height] } of shelves) {
      const anchor = this.#anchors.get(shelf);
      if (anchor) move(anchor, { left, top, width, height });
    }
    this.#links.replaceChildren(...[...this.#anchors.values()].map((a) => el("li", {}, a)));
    this.#tabTo(this.#anchors.has(this.#focus) ? this.#focus : shelves[0]?.shelf ?? "");
  }

  /** @param {string} shelf */
  #tabTo(shelf) {
    this.#anchors.get(this.#focus)?.setAttribute("tabindex", "-1");
    this.#anchors.get(shelf)?.setAttribute("tabindex", "0");
    this.#focus = shelf;
  }

  /**
   * point says what a link is about, and comes back to it by Tab.
   * @param {EventTarget | null} target
   */
  #point(target) {
    const [shelf, anchor] = [...this.#anchors].find(([, a]) => a === target) ?? [];
    const tile = this.#tiles.get(shelf ?? "");
    if (!anchor || !tile) return;
    this.#said.textContent = tile.says();
    if (document.activeElement !== anchor) return;
    this.#tabTo(tile.shelf.shelf);
    if (anchor.matches(":focus-visible")) this.#sight.into(tile.shelf.box);
  }

  /** @param {KeyboardEvent} e */
  #key(e) {
    if (e.altKey || e.ctrlKey || e.metaKey) return;
    const way = ways.get(e.key);
    if (!way && !this.#sight.key(e.key, this.#tiles.get(this.#focus)?.shelf.box)) return;
    e.preventDefault();
    const next = way && this.#beside(way);
    if (next) this.#anchors.get(next)?.focus({ preventScroll: true });
  }

  /**
   * beside finds the next shelf from the one with the focus on.
   * @param {[number, number]} way
   */
  #beside([dx, dy]) {
    const here = this.#tiles.get(this.#focus)?.shelf.box;
    let best = "";
    let nearest = Infinity;
    for (const [id, { shelf: { box } }] of here ? this.#tiles : []) {
      const [x, y] = [middle(box).x - middle(here ?? box).x, middle(box).y - middle(here ?? box).y];
      const along = x * dx + y * dy;
      const apart = along + 3 * Math.abs(x * dy + y * dx);
      if (along > 1 && apart < nearest) [best, nearest] = [id, apart];
    }
    return best;
  }

  /**
   * soon draws a shelf, or all, with the next frame.
   * @param {string} [shelf]
   */
  #soon(shelf) {
    if (shelf === undefined) this.#dirty = "all";
    else if (this.#dirty !== "all") this.#dirty.add(shelf);
    this.#frame ||= requestAnimationFrame(() => this.#paint());
  }

  #paint() {
    this.#frame = 0;
    const dirty = this.#dirty;
    this.#dirty = new Set();
    const on = this.#canvas.getContext("2d");
    const { clientWidth: wide, clientHeight: high } = this.#view;
    if (!on || wide === 0) return;
    const { x, y, zoom } = this.#sight;
    const dots = devicePixelRatio;
    const [width, height] = [Math.round(wide * dots), Math.round(high * dots)];
    const all = dirty === "all" || this.#canvas.width !== width || this.#canvas.height !== height;
    if (all) [this.#canvas.width, this.#canvas.height] = [width, height]; // which clears it
    on.setTransform(dots * zoom, 0, 0, dots * zoom, -x * dots * zoom, -y * dots * zoom);
    for (const [id, tile] of this.#tiles) {
      const [left, top, w, h] = tile.shelf.box;
      if ((!all && !dirty.has(id)) || left > x + wide / zoom || top > y + high / zoom || left + w < x || top + h < y) continue;
      if (!all) on.clearRect(left - 3, top - 3, w + 6, h + 6); // its rim may have been wider
      tile.draw(on, zoom);
    }
    if (!this.#painted && this.#tiles.size > 0) {
      this.#painted = true;
      performance.mark("site"); // from the start of the page until a site is seen
    }
    if (!all) return;
    this.#names(on);
    this.#links.style.setProperty("transform", `scale(${zoom}) translate(${-x}px, ${-y}px)`);
    this.#links.style.setProperty("--zoom", String(zoom));
  }

  /** @param {CanvasRenderingContext2D} on */
  #names(on) {
    const { zoom } = this.#sight;
    const size = Math.min(Math.max(14, 9 / zoom), 24); // it has the room of its rack's head
    on.font = `700 ${size}px system-ui, sans-serif`;
    on.textAlign = "left";
    on.textBaseline = "alphabetic";
    on.fillStyle = themes[theme()].dim;
    for (const { rack, box: [x, y, w] } of this.#doc?.racks ?? []) on.fillText(rack, x + 2, y + 19, w);
  }
}

/** @type {Map<string, [number, number]>} */
const ways = new Map([["ArrowRight", [1, 0]], ["ArrowLeft", [-1, 0]], ["ArrowDown", [0, 1]], ["ArrowUp", [0, -1]]]);

/** @param {import("./tile.js").Box} box */
const middle = ([x, y, w, h]) => ({ x: x + w / 2, y: y + h / 2 });

const theme = () => (isDark() ? "dark" : "light");

/**
 * legend shows the colours with the values that they stand for.
 * @param {import("./tile.js").Scale} scale
 */
function legend({ unit, low, high, colours, marks }) {
  const bar = el("canvas", { width: colours.length, height: 1, "aria-hidden": "true" });
  const on = bar.getContext("2d");
  colours.forEach((colour, i) => {
    if (!on) return;
    on.fillStyle = colour;
    on.fillRect(i, 0, 1, 1);
  });
  const named = marks.filter((m) => m.name !== null || m.value === low || m.value === high || marks.length < 10);
  return [bar, el("ol", { "aria-label": "Colours" }, ...named.map((m) => {
    const mark = el("li", { class: m.name === null ? null : "named" }, `${fixed(m.value, 0)}${m.value === low ? ` ${unit}` : ""}`, m.name && el("span", {}, ` ${m.name}`));
    mark.style.setProperty("left", `${(100 * (m.value - low)) / (high - low)}%`);
    return mark;
  }))];
}

customElements.define("tr-site", Site);
