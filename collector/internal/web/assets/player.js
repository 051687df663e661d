// The player: a span of the past, to scrub, to play and to take away.

import { el, tell } from "./dom.js";
import { getJSON, query, Refusal, shelfPath, stamp } from "./api.js";
import { isDark } from "./bar.js";
import { Reel } from "./frames.js";
import { skipSign } from "./signs.js";
import { clockSecond, dayOf, words } from "./words.js";

/**
 * @typedef {import("./frames.js").Frame} Frame
 * @typedef {import("./types.js").Layer} Layer
 * @typedef {import("./types.js").Mark} Mark
 * @typedef {import("./types.js").Scale} Scale
 * @typedef {{shelf: string, from: number, to: number, layer: Layer, palette: string}} Wanted
 */

const frames = 720;
const eve = 20 * 60_000; // ms before an alert, when all was well as a rule
const rest = 200; // ms after the last movement until the collector draws the moment

/**
 * A Player tells "frame" with {frame, scale} while it moves, "moment" with the ms
 * where it rests, "before" with the ms of a moment to compare with or null, and
 * "close".
 */
export class Player extends HTMLElement {
  /** @type {Reel | null} */
  #reel = null;
  /** @type {Scale | null} */
  #scale = null;
  /** @type {Wanted | null} */
  #wanted = null;
  #t = 0; // ms
  /** @type {number | null} */
  #at = null; // as it was opened
  #playing = false;
  #rest = 0;
  #slider = el("input", { type: "range", class: "time-line", "aria-label": "Moment", step: 1000, min: 0, max: 1 });
  #marks = el("div", { class: "marks" });
  #time = el("output", { class: "num player-time" });
  #play = el("button", { type: "button", class: "play", onclick: () => this.toggle() });
  #compare = el("button", { type: "button", class: "quiet", "aria-pressed": "false", onclick: () => this.#toggleCompare() }, "Compare with before");
  #speed = el("select", { "aria-label": "Speed" }, ...[1, 10, 60, 120, 300, 600].map((x) => el("option", { value: x, selected: x === 300 }, `${x}×`)));
  #save = el("span", { class: "save" });

  connectedCallback() {
    const jump = (/** @type {-1 | 1} */ to) => () => this.#jump(to);
    this.append(
      el("div", { class: "player-row" },
        el("button", { type: "button", class: "quiet", "aria-label": "To the alert before", onclick: jump(-1) }, skipSign(-1)),
        this.#play,
        el("button", { type: "button", class: "quiet", "aria-label": "To the next alert", onclick: jump(1) }, skipSign(1)),
        this.#time, this.#speed, this.#compare, this.#save,
        el("button", { type: "button", class: "quiet close", onclick: () => tell(this, "close", null) }, "Close")),
      el("div", { class: "time" }, this.#marks, this.#slider));
    this.#slider.addEventListener("input", () => this.#goTo(Number(this.#slider.value)));
    document.addEventListener("keydown", (e) => this.#key(e));
    this.#label();
  }

  /**
   * open fetches a span, unless it is there, and goes to a moment.
   * @param {Wanted} wanted
   * @param {number | null} at ms; null is the beginning
   * @param {number | null} before ms; what it is compared with
   */
  async open(wanted, at, before) {
    this.#compare.setAttribute("aria-pressed", String(before !== null));
    const same = JSON.stringify(wanted) === JSON.stringify(this.#wanted);
    if (!same) await this.#fetch(wanted);
    if (this.#playing || same && at === this.#at) return;
    this.#at = at;
    this.#set(at ?? wanted.from);
  }

  /** @param {Wanted} wanted */
  async #fetch(wanted) {
    this.#pause();
    this.#wanted = wanted;
    const { shelf, from, to, layer, palette } = wanted;
    const most = Math.min(frames, Math.floor((to - from) / 1000));
    const [reel, scale] = await Promise.all([
      getJSON(shelfPath(shelf) + "/playback" + query({ from: stamp(from), to: stamp(to), frames: Math.max(1, most), layer })),
      getJSON(shelfPath(shelf) + "/scale" + query({ layer, palette })),
    ]).catch((err) => {
      this.#wanted = null; // so that it is asked for again
      if (err instanceof Refusal) this.#time.textContent = err.message;
      throw err;
    });
    if (wanted !== this.#wanted) return; // closed, or another one meanwhile
    this.#reel = new Reel(reel);
    this.#scale = scale;
    this.#furnish(this.#reel);
  }

  close() {
    this.#pause();
    clearTimeout(this.#rest);
    this.#reel = this.#wanted = this.#at = null;
  }

  /** @param {Reel} reel */
  #furnish(reel) {
    Object.assign(this.#slider, { min: String(reel.from), max: String(reel.to) });
    const fired = reel.marks.filter((m) => m.event === "fired");
    this.#marks.replaceChildren(...fired.map((mark) => this.#mark(mark, reel)));
    const { shelf, from, to, layer, palette } = /** @type {Wanted} */ (this.#wanted);
    const name = `${shelf.replaceAll("/", "-")}-${new Date(from).toISOString().slice(0, 16).replace(":", "")}`;
    const link = (/** @type {"png" | "gif"} */ kind) => el("a", {
      download: `${name}.${kind}`,
      href: `${shelfPath(shelf)}/playback.${kind}${query({ from: stamp(from), to: stamp(to), layer, palette, theme: isDark() ? "dark" : "light" })}`,
    }, kind === "png" ? "Animated PNG" : "GIF");
    this.#save.replaceChildren(link("png"), link("gif"));
  }

  /**
   * @param {Mark} mark
   * @param {Reel} reel
   */
  #mark(mark, reel) {
    const t = Date.parse(mark.t);
    const said = `${words(mark.alert)}, ${clockSecond(new Date(t))}: ${mark.summary}`;
    const node = el("button", { type: "button", class: `mark ${mark.severity}`, title: said, "aria-label": said, onclick: () => this.#goTo(t) });
    const share = (t - reel.from) / Math.max(1, reel.to - reel.from);
    node.style.setProperty("left", `${Math.min(Math.max(share, 0), 1) * 100}%`);
    return node;
  }

  /** toggle plays, or rests. At the end it begins anew. */
  toggle() {
    if (!this.#reel) return;
    if (this.#playing) {
      this.#pause();
      this.#settle();
      return;
    }
    if (this.#t >= this.#reel.to) this.#set(this.#reel.from);
    this.#playing = true;
    this.#label();
    let last = performance.now();
    const step = (/** @type {number} */ now) => {
      if (!this.#playing || !this.#reel) return;
      this.#set(this.#t + Math.max(0, now - last) * Number(this.#speed.value));
      last = now;
      this.#show();
      if (this.#t < this.#reel.to) requestAnimationFrame(step);
      else this.toggle();
    };
    requestAnimationFrame(step);
  }

  #pause() {
    this.#playing = false;
    this.#label();
  }

  #label() {
    this.#play.textContent = this.#playing ? "Pause" : "Play";
  }

  /** @param {number} t */
  #set(t) {
    if (!this.#reel) return;
    this.#t = Math.min(Math.max(t, this.#reel.from), this.#reel.to);
    const date = new Date(this.#t);
    const text = `${dayOf(date)} ${clockSecond(date)}`;
    this.#slider.value = String(this.#t);
    this.#slider.setAttribute("aria-valuetext", text);
    this.#time.textContent = text;
  }

  /**
   * goTo moves by hand: the frame is there at once, and where the hand rests the
   * collector draws the moment.
   * @param {number} t
   */
  #goTo(t) {
    this.#set(t);
    if (this.#playing) return;
    this.#show();
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => this.#settle(), rest);
  }

  #show() {
    tell(this, "frame", { frame: this.#reel?.at(this.#t) ?? null, scale: this.#scale });
  }

  #settle() {
    tell(this, "moment", Math.round(this.#t / 1000) * 1000);
  }

  /** @param {-1 | 1} to */
  #jump(to) {
    const times = (this.#reel?.marks ?? []).map((m) => Date.parse(m.t)).sort((a, b) => a - b);
    const next = to === 1 ? times.find((t) => t > this.#t + 999) : times.findLast((t) => t < this.#t - 999);
    if (next !== undefined) this.#goTo(next);
  }

  #toggleCompare() {
    const on = this.#compare.getAttribute("aria-pressed") !== "true";
    const first = this.#reel?.marks.find((m) => m.event === "fired" && Date.parse(m.t) > (this.#reel?.from ?? 0));
    const before = (first ? Date.parse(first.t) : this.#t) - eve;
    tell(this, "before", on && this.#reel ? Math.max(this.#reel.from, before) : null);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const { target } = event;
    const ours = target === document.body || target instanceof Node && this.contains(target);
    if (!this.#reel || !ours || event.ctrlKey || event.metaKey || event.altKey) return;
    const presses = target instanceof HTMLSelectElement || target instanceof HTMLButtonElement || target instanceof HTMLAnchorElement;
    if (event.key === " " && !presses) this.toggle();
    else if (event.key === "n") this.#jump(1);
    else if (event.key === "b") this.#jump(-1);
    else return;
    event.preventDefault();
  }
}

customElements.define("tr-player", Player);
