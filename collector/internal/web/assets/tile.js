// One shelf of the map of a site, on a canvas, in the units and looks of the
// collector's own drawing: colours of values, a pattern for what is not measured,
// red outlines for alarms. What is too small to be read is left out.

/**
 * @typedef {[number, number, number, number]} Box x, y, width, height; y downwards
 *
 * @typedef {object} Scale
 * @property {string} unit
 * @property {number} low
 * @property {number} high
 * @property {string[]} colours
 * @property {{value: number, name: string | null}[]} marks
 *
 * @typedef {object} Alarm
 * @property {number | null} slot
 * @property {number | null} x of a probe
 * @property {number | null} y
 * @property {string[]} fans
 * @property {string} severity
 * @property {boolean} pending
 *
 * @typedef {object} Shelf
 * @property {string} shelf its id
 * @property {import("./types.js").State} state
 * @property {number | null} delta_t
 * @property {number} columns
 * @property {number} depth
 * @property {Box} box
 * @property {Box} grid
 * @property {(number | null)[]} values
 * @property {string} sources a letter a slot: m, i, s or -
 * @property {{name: string, condition: string}[]} fans
 * @property {Alarm[]} alarms
 */

import { fixed, stateWords } from "./words.js";

/** The colours of everything but the values, as the collector draws them. */
export const themes = {
  light: {
    page: "#ffffff", panel: "#eef1f4", ink: "#14202b", dim: "#566573", rule: "#cfd6dd",
    hot: "#a8471f", cold: "#1a639e", alarm: "#d3001f", caution: "#9a5200", line: "#ffffff",
  },
  dark: {
    page: "#0f1419", panel: "#1c242d", ink: "#f0f4f8", dim: "#9aa9b7", rule: "#33404c",
    hot: "#f2a07b", cold: "#7cc0f4", alarm: "#ff4b5c", caution: "#ffb454", line: "#ffffff",
  },
};

/** @typedef {typeof themes.light} Theme */

// How much of a colour is the ground's, for what is not measured.
const veils = new Map([["i", 0.28], ["s", 0.55]]);

const pad = 8;
const leastText = 6; // px, below which nobody can read
const leastPattern = 4; // px a cell
const leastNumber = 26;
const font = "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif";

/** @param {string} hex such as #0f1419 */
const bytes = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));

/** A Tile draws one shelf. */
export class Tile {
  #bitmap = document.createElement("canvas");
  /** @type {string[]} */
  #inks = []; // of the numbers
  #crosses = new Path2D();
  #hatches = new Path2D();
  #rules = new Path2D();

  /**
   * @param {Shelf} shelf
   * @param {Scale} scale
   * @param {Theme} theme
   */
  constructor(shelf, scale, theme) {
    this.shelf = shelf;
    this.theme = theme;
    this.scale = scale;
    this.#fill();
    this.#trace();
  }

  /** The width and height of a cell. */
  get #cell() {
    const [, , w, h] = this.shelf.grid;
    return { w: w / this.shelf.columns, h: h / this.shelf.depth };
  }

  /**
   * place is where a slot begins, from its index on.
   * @param {number} i
   */
  #place(i) {
    const [x, y, , h] = this.shelf.grid;
    const cell = this.#cell;
    const row = Math.floor(i / this.shelf.columns);
    return { x: x + (i % this.shelf.columns) * cell.w, y: y + h - (row + 1) * cell.h, ...cell };
  }

  /** fill paints a pixel a slot: a canvas enlarges it at any zoom. */
  #fill() {
    const { columns, depth, values, sources } = this.shelf;
    const { low, high, colours } = this.scale;
    const ground = bytes(this.theme.page);
    const image = new ImageData(columns, depth);
    values.forEach((value, i) => {
      const band = value === null ? -1 : Math.floor(((value - low) / (high - low)) * colours.length);
      const colour = value === null ? this.theme.panel : colours[Math.min(Math.max(band, 0), colours.length - 1)];
      const veil = veils.get(sources[i] ?? "") ?? 0;
      const at = 4 * ((depth - 1 - Math.floor(i / columns)) * columns + (i % columns));
      const [r = 0, g = 0, b = 0] = bytes(colour ?? this.theme.panel).map((v, k) => v + ((ground[k] ?? v) - v) * veil);
      image.data.set([r, g, b, 255], at);
      this.#inks.push(0.299 * r + 0.587 * g + 0.114 * b > 128 ? "#0b1016" : "#ffffff"); // ITU-R BT.601
    });
    this.#bitmap.width = columns;
    this.#bitmap.height = depth;
    this.#bitmap.getContext("2d")?.putImageData(image, 0, 0);
  }

  /** trace lays the patterns of cells that are not measured. */
  #trace() {
    [...this.shelf.sources].forEach((source, i) => {
      const { x, y, w, h } = this.#place(i);
      if (source === "-") {
        const arm = Math.min(4, w / 4, h / 4);
        this.#crosses.moveTo(x + w / 2 - arm, y + h / 2 - arm);
        this.#crosses.lineTo(x + w / 2 + arm, y + h / 2 + arm);
        this.#crosses.moveTo(x + w / 2 - arm, y + h / 2 + arm);
        this.#crosses.lineTo(x + w / 2 + arm, y + h / 2 - arm);
      }
      if (source === "i") diagonals(this.#hatches, [x, y, w, h], 6, 1);
      if (source === "s") for (let at = Math.ceil(y / 3) * 3; at < y + h; at += 3) {
        this.#rules.moveTo(x, at);
        this.#rules.lineTo(x + w, at);
      }
    });
  }

  /**
   * draw draws the shelf on a canvas whose units are those of its boxes.
   * @param {CanvasRenderingContext2D} on
   * @param {number} zoom px a unit
   */
  draw(on, zoom) {
    const { theme, shelf } = this;
    const [x, y, w, h] = shelf.box;
    on.fillStyle = theme.page;
    on.strokeStyle = { critical: theme.alarm, warning: theme.caution }[/** @type {string} */ (shelf.state)] ?? theme.rule;
    on.lineWidth = Math.max({ critical: 2.5, warning: 2 }[/** @type {string} */ (shelf.state)] ?? 1, 1 / zoom);
    on.setLineDash([]);
    on.beginPath();
    on.roundRect(x, y, w, h, 7);
    on.fill();
    on.stroke();
    this.#slots(on, zoom);
    this.#head(on, zoom);
    this.#fans(on, zoom);
    for (const [box, alarms] of this.#places(zoom)) this.#outline(on, box, alarms);
  }

  /**
   * @param {CanvasRenderingContext2D} on
   * @param {number} zoom
   */
  #slots(on, zoom) {
    const [x, y, w, h] = this.shelf.grid;
    const cell = this.#cell;
    on.fillStyle = this.theme.hot;
    on.fillRect(x, y - 3, w, 3);
    on.fillStyle = this.theme.cold;
    on.fillRect(x, y + h, w, 3);
    on.imageSmoothingEnabled = false;
    on.drawImage(this.#bitmap, x, y, w, h);
    if (Math.min(cell.w, cell.h) * zoom < leastPattern) return;
    for (const [path, colour, opacity, width] of /** @type {[Path2D, string, number, number][]} */ ([
      [this.#crosses, this.theme.dim, 1, 0.8], [this.#hatches, this.theme.line, 0.5, 0.8], [this.#rules, this.theme.ink, 0.5, 0.7],
    ])) {
      on.globalAlpha = opacity;
      on.strokeStyle = colour;
      on.lineWidth = width;
      on.setLineDash(path === this.#rules ? [3, 3] : []);
      on.stroke(path);
    }
    on.globalAlpha = 1;
    if (cell.w * zoom >= leastNumber && cell.h * zoom >= 14) this.#numbers(on);
  }

  /** @param {CanvasRenderingContext2D} on */
  #numbers(on) {
    const cell = this.#cell;
    const size = Math.min(cell.h * 0.5, cell.w * 0.3);
    on.font = `${size}px ${font}`;
    on.textAlign = "center";
    on.textBaseline = "middle";
    this.shelf.values.forEach((value, i) => {
      if (value === null) return;
      const { x, y, w, h } = this.#place(i);
      on.fillStyle = this.#inks[i] ?? this.theme.ink;
      on.fillText(fixed(value), x + w / 2, y + h / 2);
    });
  }

  /**
   * @param {CanvasRenderingContext2D} on
   * @param {number} zoom
   */
  #head(on, zoom) {
    const { theme, shelf } = this;
    const [x, y, w] = shelf.box;
    const colour = { critical: theme.alarm, warning: theme.caution }[/** @type {string} */ (shelf.state)] ?? theme.dim;
    on.setLineDash([]);
    sign(on, shelf.state, { x: x + pad + 6, y: y + pad + 6, colour });
    if (14 * zoom < leastText) return;
    on.textBaseline = "alphabetic";
    on.textAlign = "left";
    on.fillStyle = theme.ink;
    on.font = `700 14px ${font}`;
    on.fillText(shelf.shelf.slice(shelf.shelf.lastIndexOf("/") + 1), x + pad + 16, y + pad + 11, w - 2 * pad - 16);
    if (12 * zoom < leastText) return;
    on.fillStyle = colour;
    on.font = `${colour === theme.dim ? "" : "700 "}12px ${font}`;
    on.fillText(stateWords[shelf.state] ?? shelf.state, x + pad, y + pad + 28, w / 2);
    on.fillStyle = theme.ink;
    on.font = `700 12px ${font}`;
    on.textAlign = "right";
    on.fillText(shelf.delta_t === null ? "–" : `${fixed(shelf.delta_t)} K`, x + w - pad, y + pad + 28, w / 2);
  }

  /**
   * hub is where a fan is: in the row above the slots.
   * @param {number} i
   */
  #hub(i) {
    const [x, y, w] = this.shelf.grid;
    return { x: x + ((i + 0.5) * w) / this.shelf.fans.length, y: y - 10 };
  }

  /**
   * @param {CanvasRenderingContext2D} on
   * @param {number} zoom
   */
  #fans(on, zoom) {
    const { theme } = this;
    this.shelf.fans.forEach((fan, i) => {
      const { x, y } = this.#hub(i);
      const r = 4.5;
      on.strokeStyle = { ok: theme.dim, stopped: theme.alarm }[fan.condition] ?? theme.caution;
      on.fillStyle = on.strokeStyle;
      on.lineWidth = Math.max(1.4, 1 / zoom);
      on.setLineDash(fan.condition === "unknown" ? [2, 2] : []);
      on.beginPath();
      on.arc(x, y, r, 0, 2 * Math.PI);
      if (fan.condition === "stopped") {
        on.moveTo(x - r, y - r);
        on.lineTo(x + r, y + r);
        on.moveTo(x - r, y + r);
        on.lineTo(x + r, y - r);
      }
      on.stroke();
      if (fan.condition !== "ok" && fan.condition !== "slow") return;
      on.globalAlpha = fan.condition === "ok" ? 0.45 : 1;
      on.beginPath();
      on.arc(x, y, fan.condition === "ok" ? r : r / 3, 0, 2 * Math.PI);
      on.fill();
      on.globalAlpha = 1;
    });
  }

  /**
   * places are where alarms are, each with those that are there; large enough to be
   * seen at any zoom.
   * @param {number} zoom
   * @returns {Iterable<[Box, Alarm[]]>}
   */
  #places(zoom) {
    const least = Math.max(10, 7 / zoom);
    const [gx, gy, gw, gh] = this.shelf.grid;
    /** @type {Map<string, [Box, Alarm[]]>} */
    const found = new Map();
    /** @type {(key: string, alarm: Alarm, x: number, y: number, w: number, h: number) => void} */
    const add = (key, alarm, x, y, w, h) => {
      const there = found.get(key);
      if (there) there[1].push(alarm);
      else found.set(key, [[x - w / 2, y - h / 2, w, h], [alarm]]);
    };
    for (const a of this.shelf.alarms) {
      if (a.slot !== null && a.slot <= this.shelf.values.length) {
        const { x, y, w, h } = this.#place(a.slot - 1);
        add(`slot ${a.slot}`, a, x + w / 2, y + h / 2, Math.max(w, least), Math.max(h, least));
      }
      if (a.x !== null && a.y !== null) add(`probe ${a.x} ${a.y}`, a, gx + a.x * gw, gy + (1 - a.y) * gh, least, least);
      this.shelf.fans.forEach((fan, i) => {
        if (!a.fans.includes(fan.name)) return;
        const hub = this.#hub(i);
        add(`fan ${i}`, a, hub.x, hub.y, Math.max(14, least), Math.max(14, least));
      });
    }
    return found.values();
  }

  /**
   * outline draws a red frame, heavier when it is critical; striped, or dashed while
   * it is pending.
   * @param {CanvasRenderingContext2D} on
   * @param {Box} box
   * @param {Alarm[]} alarms
   */
  #outline(on, box, alarms) {
    const pending = alarms.every((a) => a.pending);
    const width = alarms.some((a) => a.severity === "critical") ? 2.4 : 1.6;
    on.setLineDash([]);
    if (!pending) {
      const stripes = new Path2D();
      diagonals(stripes, box, 4, -1);
      on.strokeStyle = this.theme.alarm;
      on.lineWidth = 1.2;
      on.stroke(stripes);
    }
    on.strokeStyle = this.theme.page;
    on.lineWidth = width + 1.6;
    on.strokeRect(...box);
    on.strokeStyle = this.theme.alarm;
    on.lineWidth = width;
    if (pending) on.setLineDash([3, 3]);
    on.strokeRect(...box);
  }

  /** says tells the shelf in words. */
  says() {
    const { shelf, scale } = this;
    const hottest = shelf.values.reduce((/** @type {number} */ best, v, i) => (v !== null && v > (shelf.values[best] ?? -Infinity) ? i : best), -1);
    return [
      `${shelf.shelf}: ${stateWords[shelf.state] ?? shelf.state}`,
      shelf.delta_t === null ? "" : `rise ${fixed(shelf.delta_t)} K`,
      hottest < 0 ? "" : `highest ${fixed(shelf.values[hottest])} ${scale.unit} in slot ${hottest + 1}`,
      ...shelf.fans.filter((f) => f.condition !== "ok").map((f) => `fan ${f.name} ${f.condition}`),
      shelf.alarms.length === 0 ? "" : `${shelf.alarms.length} alarm${shelf.alarms.length === 1 ? "" : "s"}`,
    ].filter(Boolean).join(", ");
  }
}

/**
 * diagonals adds parallel lines across a box, every so many units; they join those
 * of other boxes. way 1 rises to the right, -1 falls.
 * @param {Path2D} path
 * @param {Box} box
 * @param {number} every
 * @param {1 | -1} way
 */
function diagonals(path, [x, y, w, h], every, way) {
  const low = x + Math.min(way * y, way * (y + h));
  const high = x + w + Math.max(way * y, way * (y + h));
  for (let c = Math.ceil(low / every) * every; c < high; c += every) {
    const from = Math.max(x, Math.min(c - way * y, c - way * (y + h)));
    const to = Math.min(x + w, Math.max(c - way * y, c - way * (y + h)));
    if (to - from < 0.5) continue;
    path.moveTo(from, way * (c - from));
    path.lineTo(to, way * (c - to));
  }
}

/**
 * sign shows a state by its shape: diamond, triangle, disc, ring.
 * @param {CanvasRenderingContext2D} on
 * @param {string} state
 * @param {{x: number, y: number, colour: string}} at
 */
function sign(on, state, { x, y, colour }) {
  const r = 5.5;
  on.fillStyle = on.strokeStyle = colour;
  on.beginPath();
  if (state === "critical" || state === "warning") {
    const below = state === "critical" ? 0 : r - 1;
    for (const [px, py] of [[x, y - r], [x + r, y + below], [x, state === "critical" ? y + r : y + below], [x - r, y + below]]) on.lineTo(px ?? x, py ?? y);
    on.fill();
    return;
  }
  on.arc(x, y, state === "ok" ? r - 1 : r - 1.5, 0, 2 * Math.PI);
  if (state === "ok") return on.fill();
  on.lineWidth = 1.8;
  on.stroke();
}
