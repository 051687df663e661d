// The map of one shelf: the collector's SVG, with a tooltip and keys.

import { el, move, tell } from "./dom.js";
import { getText, query, Refusal, shelfPath, stamp } from "./api.js";
import { isDark } from "./bar.js";
import { Film } from "./film.js";
import { partOf, partLines, samePart, selectorFor } from "./part.js";

/**
 * @typedef {import("./types.js").Shelf} Shelf
 * @typedef {import("./types.js").Part} Part
 *
 * @typedef {object} Look what a map shows, and how
 * @property {import("./types.js").Layer} layer
 * @property {import("./types.js").Palette} palette
 * @property {boolean} numbers
 * @property {number | null} at ms; null is live
 */

// Widths asked for, so that many viewers share one picture.
const widths = [360, 560, 760, 960, 1280, 1600];

/** A ShelfMap tells "pick", with the part of the shelf that was chosen. */
export class ShelfMap extends HTMLElement {
  #tip = el("div", { class: "tip", role: "tooltip", hidden: true });
  #ring = el("div", { class: "ring", hidden: true });
  #said = el("p", { class: "hidden", "aria-live": "polite" });
  #picture = el("div", { class: "picture" });
  /** @type {Shelf | null} */
  #shelf = null;
  /** @type {Part | null} */
  #at = null; // what is under the pointer or the keys
  #shown = ""; // text of the picture, so that the same one is not put in again
  #wanted = "";
  /** @type {Film | null} */
  #film = null;
  #rolls = false;
  /** The time, in ms, that ages are told by. */
  now = () => Date.now();

  connectedCallback() {
    this.append(this.#picture, this.#ring, this.#tip, this.#said);
    this.clear();
    this.addEventListener("pointermove", (e) => this.#point(partOf(e.target)));
    this.addEventListener("pointerleave", () => this.#point(null));
    this.addEventListener("click", (e) => this.#pick(partOf(e.target)));
    this.addEventListener("keydown", (e) => this.#key(e));
    this.addEventListener("focus", () => { if (this.matches(":focus-visible")) this.#say(this.#at ?? slotPart(1)); });
    this.addEventListener("blur", () => this.#point(null));
    addEventListener("scroll", () => this.#place(), { passive: true });
    new ResizeObserver(() => this.#place()).observe(this);
  }

  /**
   * load fetches and shows the picture of a shelf. What the collector cannot
   * show, such as a layer that is not learned yet, it says in its place.
   * @param {string} shelf
   * @param {Look} look
   */
  async load(shelf, look) {
    const room = this.clientWidth || 960;
    const path = shelfPath(shelf) + "/heatmap.svg" + query({
      layer: look.layer, palette: look.palette, at: stamp(look.at), theme: isDark() ? "dark" : "light",
      width: widths.find((w) => w >= room) ?? 1600, numbers: look.numbers ? "true" : null,
    });
    this.#wanted = path;
    const text = await getText(path).catch((err) => {
      if (err instanceof Refusal && err.status >= 500 && err.status !== 501) throw err;
      return err instanceof Refusal ? err : Promise.reject(err);
    });
    if (path !== this.#wanted) return; // asked for another one meanwhile
    if (text instanceof Refusal) this.#explain(text.message);
    else this.draw(text);
  }

  /**
   * draw shows a picture that the collector drew.
   * @param {string} text of the SVG
   */
  draw(text) {
    if (!this.#rolls) this.#endFilm();
    if (text === this.#shown) return;
    this.#swap(text);
    this.#shown = text;
  }

  /**
   * roll shows a frame of a playback over the picture.
   * @param {import("./frames.js").Frame | null} frame
   * @param {import("./types.js").Scale} scale
   */
  roll(frame, scale) {
    this.#rolls = true;
    if (!frame) return;
    const ground = this.#film ? null : this.#ground();
    if (ground) {
      this.#film = new Film(scale, ground);
      this.append(this.#film.node);
      this.#point(null);
    }
    this.#film?.show(frame);
  }

  /** rest leaves the last frame there until the next picture has come. */
  rest() { this.#rolls = false; }

  #endFilm() {
    this.#film?.node.remove();
    this.#film = null;
  }

  /**
   * ground is where the picture has its cells, in its own units.
   * @returns {import("./film.js").Ground | null}
   */
  #ground() {
    const picture = this.#picture.querySelector("svg");
    const cells = [...this.#picture.querySelectorAll("[data-slot]")].flatMap((g) => (g instanceof SVGGraphicsElement ? [g.getBBox()] : []));
    if (!picture || cells.length === 0) return null;
    const [left, top] = [Math.min(...cells.map((c) => c.x)), Math.min(...cells.map((c) => c.y))];
    const [right, bottom] = [Math.max(...cells.map((c) => c.x + c.width)), Math.max(...cells.map((c) => c.y + c.height))];
    const { x, y, width, height } = picture.viewBox.baseVal;
    return { view: { x, y, w: width, h: height }, grid: { x: left, y: top, w: right - left, h: bottom - top } };
  }

  /**
   * describe takes the shelf's document, which the tooltip reads from.
   * @param {Shelf} shelf
   */
  describe(shelf) {
    this.#shelf = shelf;
    this.#place();
  }

  clear() {
    this.#shelf = null;
    this.#wanted = "";
    this.#point(null);
    this.#explain("Waiting for the map…");
  }

  /** @param {string} words */
  #explain(words) {
    this.#shown = "";
    this.#endFilm();
    this.#picture.replaceChildren(el("p", { class: "map-wait muted" }, words));
    this.#place();
  }

  /**
   * swap puts a picture in place of the last one in one step. Its titles become
   * our tooltips, for the browser's own come late and in another look.
   * @param {string} text
   */
  #swap(text) {
    const picture = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
    if (picture.nodeName !== "svg") throw new Error("the map is no SVG");
    for (const node of picture.querySelectorAll("script, foreignObject")) node.remove();
    for (const title of picture.querySelectorAll("title")) {
      const of = title.parentElement;
      of?.setAttribute(of === picture ? "aria-label" : "data-title", title.textContent ?? "");
      title.remove();
    }
    this.#picture.replaceChildren(document.adoptNode(picture));
    this.#place();
  }

  /** @param {Part | null} part */
  #point(part) {
    this.#at = part;
    this.#place();
  }

  /**
   * say points at a part by keys, aloud for who cannot see it.
   * @param {Part} part
   */
  #say(part) {
    this.#point(part);
    this.#said.textContent = this.#lines(part, null).join(", ");
  }

  /**
   * @param {Part} part
   * @param {Element | null} node that shows it
   */
  #lines(part, node) {
    const lines = this.#shelf ? partLines(this.#shelf, part, this.now()) : [];
    const title = node instanceof SVGElement ? node.dataset["title"] ?? "" : "";
    return lines.length > 0 ? lines : title.split("\n").filter(Boolean);
  }

  /** place moves the ring and the tooltip to what is pointed at. */
  #place() {
    const node = this.#at && this.querySelector(selectorFor(this.#at));
    const [title, ...rest] = this.#at && node ? this.#lines(this.#at, node) : [];
    this.#tip.hidden = this.#ring.hidden = title === undefined;
    if (title === undefined || !node) return;
    const box = node.getBoundingClientRect();
    const host = this.getBoundingClientRect();
    move(this.#ring, { left: box.left - host.left, top: box.top - host.top, width: box.width, height: box.height });
    this.#tip.replaceChildren(el("strong", {}, title), ...rest.map((line) => el("span", {}, line)));
    const tip = this.#tip.getBoundingClientRect();
    const left = Math.min(Math.max(8, box.left + box.width / 2 - tip.width / 2), innerWidth - tip.width - 8);
    const above = box.top - tip.height - 10;
    move(this.#tip, { left, top: above > 8 ? above : box.bottom + 10 });
  }

  /** @param {Part | null} part */
  #pick(part) {
    if (part) tell(this, "pick", part);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (!this.#shelf || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "Enter") return this.#pick(this.#at);
    if (event.key === "Escape") return this.#point(null);
    const next = step(this.#shelf, this.#at ?? slotPart(1), event.key);
    if (!next) return;
    event.preventDefault();
    if (!samePart(next, this.#at)) this.#say(next);
  }
}

/**
 * @param {number} n
 * @returns {Part}
 */
const slotPart = (n) => ({ kind: "slot", name: String(n) });

/**
 * step is where a key leads from a part: arrows, Home and End from slot to slot,
 * p and f to the next probe and fan. null for another key.
 * @param {Shelf} shelf
 * @param {Part} from
 * @param {string} key
 * @returns {Part | null}
 */
function step(shelf, from, key) {
  if (key === "p") return following("probe", shelf.probes, from);
  if (key === "f") return following("fan", shelf.fans, from);
  const { columns, depth } = shelf;
  const slot = from.kind === "slot" ? Number(from.name) : 1;
  const column = (slot - 1) % columns;
  const last = columns - 1 - column;
  // The cold aisle, where slot 1 is, is at the bottom.
  const by = { ArrowLeft: -Math.min(1, column), ArrowRight: Math.min(1, last), Home: -column, End: last, ArrowUp: columns, ArrowDown: -columns }[key];
  if (by === undefined) return null;
  const to = slot + by;
  return slotPart(to >= 1 && to <= columns * depth ? to : slot);
}

/**
 * @param {"probe" | "fan"} kind
 * @param {{name: string}[]} all
 * @param {Part} from
 * @returns {Part | null}
 */
function following(kind, all, from) {
  const i = from.kind === kind ? all.findIndex((one) => one.name === from.name) : -1;
  const next = all[(i + 1) % all.length];
  return next ? { kind, name: next.name } : null;
}

customElements.define("tr-map", ShelfMap);
