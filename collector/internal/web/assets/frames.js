// The frames of a playback, unpacked.

/**
 * @typedef {import("./types.js").Playback} Playback
 * @typedef {import("./types.js").Track} Track
 *
 * @typedef {object} Frame a shelf at one moment; NaN is not known
 * @property {number} t ms
 * @property {Section} section
 * @property {number[]} values one a slot
 * @property {string} sources one letter a slot: M measured, I inferred, S stale, - missing
 * @property {number[]} probes
 * @property {number[]} fans turns a second
 * @property {number} inlet
 * @property {number} hot
 * @property {number} delta
 *
 * @typedef {object} Section
 * @property {number} from its first frame
 * @property {number} frames
 * @property {number} columns
 * @property {number} depth
 * @property {Unpacked[]} slots
 * @property {(Unpacked & {name: string, x: number, y: number})[]} probes
 * @property {(Unpacked & {name: string, healthy: number})[]} fans
 * @property {Float32Array} inlet
 * @property {Float32Array} hot
 * @property {Float32Array} delta
 *
 * @typedef {{values: Float32Array, states: string}} Unpacked
 */

/**
 * unpack adds the differences up.
 * @param {Track} track
 * @param {number} frames
 * @param {number} scale
 */
export function unpack(track, frames, scale) {
  const values = new Float32Array(frames).fill(NaN);
  let sum = 0;
  track?.forEach((difference, i) => {
    if (difference === null) return;
    sum += difference;
    values[i] = sum / scale;
  });
  return values;
}

/** A Reel is a playback that can be looked at anywhere. */
export class Reel {
  #sections;
  #first;
  #step;
  shelf;
  layer;
  count;
  marks;

  /** @param {Playback} p */
  constructor(p) {
    this.shelf = p.shelf;
    this.layer = p.layer;
    this.count = p.frames;
    this.marks = p.bookmarks.marks;
    this.#first = Date.parse(p.first);
    this.#step = p.step * 1000;
    this.#sections = p.sections.map((s) => sectionOf(s, p.scale));
  }

  get from() { return this.#first; }
  get to() { return this.#first + (this.count - 1) * this.#step; }

  /**
   * at is the newest frame of a moment; null when there was no such shelf.
   * @param {number} t ms; before the first frame it is the first, after the last the last
   * @returns {Frame | null}
   */
  at(t) {
    const index = Math.min(Math.max(Math.floor((t - this.#first) / this.#step + 1e-6), 0), this.count - 1);
    const section = this.#sections.find((s) => index >= s.from && index < s.from + s.frames);
    if (!section) return null;
    const i = index - section.from;
    const pick = (/** @type {Unpacked} */ one) => one.values[i] ?? NaN;
    return {
      t: this.#first + index * this.#step, section,
      values: section.slots.map(pick), sources: section.slots.map((s) => s.states[i] ?? "-").join(""),
      probes: section.probes.map(pick), fans: section.fans.map(pick),
      inlet: section.inlet[i] ?? NaN, hot: section.hot[i] ?? NaN, delta: section.delta[i] ?? NaN,
    };
  }
}

/**
 * @param {import("./types.js").PlaybackSection} s
 * @param {number} scale
 * @returns {Section}
 */
function sectionOf(s, scale) {
  const track = (/** @type {Track} */ t) => unpack(t, s.frames, scale);
  return {
    from: s.from, frames: s.frames, columns: s.columns, depth: s.depth,
    slots: s.slots.map((one) => ({ values: track(one.value), states: one.source })),
    probes: s.probes.map((one) => ({ name: one.name, x: one.x, y: one.y, values: track(one.value), states: one.state })),
    fans: s.fans.map((one) => ({ name: one.name, healthy: one.healthy, values: track(one.value), states: one.state })),
    inlet: track(s.figures.inlet), hot: track(s.figures.hot_air), delta: track(s.figures.delta_t),
  };
}

/**
 * colourOf is the colour that the collector gives a value.
 * @param {import("./types.js").Scale} scale
 * @param {number} value
 */
export function colourOf({ low, high, colours }, value) {
  const n = Math.floor((value - low) / (high - low) * colours.length);
  return colours[Math.min(Math.max(n, 0), colours.length - 1)] ?? "none";
}
