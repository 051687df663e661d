// A chart over time: bands from least to greatest, to zoom and to read.

import uPlot from "./uplot/uPlot.esm.js";
import { el, tell } from "./dom.js";
import { clockSecond, clockTime, dayOf, fixed } from "./words.js";

/**
 * @typedef {object} Line
 * @property {string} name
 * @property {string} kind its colour: hot, cold, soc, power, fan
 * @property {string} unit
 * @property {{t: number, mean: number, min: number, max: number}[]} points t in ms
 *
 * @typedef {object} Picture
 * @property {number} from ms
 * @property {number} to ms
 * @property {number} gap ms after which a line is broken
 * @property {number | null} at ms; the moment that the map shows
 * @property {Line[]} lines
 */

const height = 240;
const least = 2; // units that a scale spans at least: noise shall not fill the picture
const day = 86_400_000;

/**
 * A Plot tells "zoom" with {from, to} of a stretch that was drawn, "reset", and
 * "moment" with the ms of a point that was chosen.
 */
export class Plot extends HTMLElement {
  /** @type {uPlot | null} */
  #plot = null;
  /** @type {Picture | null} */
  #picture = null;
  #shape = ""; // of the lines, for which the chart was made
  #read = el("p", { class: "plot-read num", hidden: true });
  #said = el("p", { class: "hidden", "aria-live": "polite" });
  #host = el("div", { class: "plot-host" });

  connectedCallback() {
    this.append(this.#host, this.#read, this.#said);
    this.addEventListener("keydown", (e) => this.#key(e));
    this.addEventListener("blur", () => this.#point(null));
    new ResizeObserver(() => this.#plot?.setSize({ width: this.clientWidth, height })).observe(this);
  }

  /** @param {Picture} picture */
  show(picture) {
    this.#picture = picture;
    const empty = picture.lines.every((l) => l.points.length === 0);
    this.setAttribute("aria-label", empty ? "No values in this span." : `${summary(picture)}. Arrow keys read it, plus and minus zoom, Enter shows the map of a moment.`);
    if (empty) {
      this.#drop();
      this.#host.replaceChildren(el("p", { class: "calm" }, "No values in this span."));
      return;
    }
    const shape = JSON.stringify([picture.lines.map((l) => [l.name, l.kind, l.unit]), this.#ink("text")]);
    if (this.#plot && shape === this.#shape) {
      this.#plot.setData(columns(picture), false);
      this.#plot.setScale("x", { min: picture.from / 1000, max: picture.to / 1000 });
      return;
    }
    this.#drop();
    this.#shape = shape;
    this.#host.replaceChildren();
    this.#plot = new uPlot(this.#options(picture), columns(picture), this.#host);
    // uPlot sets the time to what there is; a span without values is one too.
    this.#plot.setScale("x", { min: picture.from / 1000, max: picture.to / 1000 });
  }

  #drop() {
    this.#plot?.destroy();
    this.#plot = null;
    this.#read.hidden = true;
  }

  /**
   * ink is a colour of the style sheet, which alone knows the theme.
   * @param {string} name
   * @param {number} [opacity]
   */
  #ink(name, opacity = 1) {
    const drop = el("i", { class: `ink-${name}`, hidden: true });
    this.append(drop);
    const colour = getComputedStyle(drop).color;
    drop.remove();
    return opacity === 1 ? colour : colour.replace(/^rgb\((.+)\)$/, `rgba($1, ${opacity})`);
  }

  /**
   * @param {Picture} picture
   * @returns {uPlot.Options}
   */
  #options(picture) {
    const units = [...new Set(picture.lines.map((l) => l.unit))];
    const [text, rule] = [this.#ink("muted"), this.#ink("rule")];
    const font = `11.5px ${getComputedStyle(this).fontFamily}`;
    /** @type {uPlot.Axis} */
    const axis = { stroke: text, font, grid: { show: false }, ticks: { show: false } };
    return {
      width: this.clientWidth, height, ms: 1e-3, padding: [8, units.length > 1 ? 0 : 20, 0, 0],
      legend: { show: false },
      cursor: { drag: { x: true, y: false, setScale: false }, y: false, points: { size: 7 }, bind: { dblclick: () => () => { tell(this, "reset", null); return null; } } },
      scales: Object.fromEntries([["x", { time: true }], ...units.map((unit) => [unit, { range: widen }])]),
      axes: [
        { ...axis, size: 32, values: (_, splits) => splits.map((s) => this.#timeLabel(s * 1000)), space: 70 },
        ...units.slice(0, 2).map((unit, i) => ({ ...axis, scale: unit, side: /** @type {uPlot.Axis.Side} */ (i === 0 ? 3 : 1), size: 56,
          grid: i === 0 ? { stroke: rule, width: 1 } : { show: false }, values: (/** @type {uPlot} */ _, /** @type {number[]} */ splits) => splits.map((v) => `${+v.toFixed(2)} ${unit}`) })),
      ],
      series: [{}, ...picture.lines.flatMap((line) => this.#seriesOf(line))],
      bands: picture.lines.map((line, i) => ({ series: [3 * i + 3, 3 * i + 2], fill: this.#ink(line.kind, 0.16) })),
      hooks: { setSelect: [(u) => this.#selected(u)], setCursor: [(u) => this.#readAt(u.cursor.idx ?? null)], draw: [(u) => this.#mark(u)], ready: [(u) => this.#listen(u)] },
    };
  }

  /**
   * @param {Line} line
   * @returns {uPlot.Series[]} its mean, and the bounds of its band
   */
  #seriesOf(line) {
    const edge = { scale: line.unit, width: 0, points: { show: false } };
    return [{ scale: line.unit, stroke: this.#ink(line.kind), width: 1.8, points: { show: false } }, edge, edge];
  }

  /** @param {number} t */
  #timeLabel(t) {
    const { from, to } = this.#picture ?? { from: 0, to: 0 };
    const date = new Date(t);
    const midnight = date.getHours() === 0 && date.getMinutes() === 0;
    return to - from > 1.5 * day || midnight ? dayOf(date) : to - from < 600_000 ? clockSecond(date) : clockTime(date);
  }

  /** @param {uPlot} u */
  #listen(u) {
    // The page above may have grown since, which uPlot does not notice.
    u.over.addEventListener("mouseenter", () => u.syncRect(true));
    // The click that ends a drag does not come here.
    u.over.addEventListener("click", (event) => tell(this, "moment", u.posToVal(event.offsetX, "x") * 1000));
  }

  /** @param {uPlot} u */
  #selected(u) {
    const { left, width } = u.select;
    if (width < 4) return;
    const [from, to] = [u.posToVal(left, "x") * 1000, u.posToVal(left + width, "x") * 1000];
    u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    tell(this, "zoom", { from, to });
  }

  /**
   * mark draws the line of the moment that the map shows.
   * @param {uPlot} u
   */
  #mark(u) {
    const at = this.#picture?.at;
    if (at === null || at === undefined) return;
    const x = Math.round(u.valToPos(at / 1000, "x", true));
    if (x < u.bbox.left || x > u.bbox.left + u.bbox.width) return;
    u.ctx.save();
    u.ctx.fillStyle = this.#ink("accent");
    u.ctx.fillRect(x - devicePixelRatio, u.bbox.top, 2 * devicePixelRatio, u.bbox.height);
    u.ctx.restore();
  }

  /**
   * readAt writes the values of a column.
   * @param {number | null} index
   */
  #readAt(index) {
    const text = index === null ? "" : this.#words(index);
    this.#read.hidden = text === "";
    this.#read.textContent = text;
    return text;
  }

  /** @param {number} index */
  #words(index) {
    if (!this.#plot || !this.#picture) return "";
    const data = this.#plot.data;
    const t = new Date((data[0][index] ?? 0) * 1000);
    const values = this.#picture.lines.flatMap((line, i) => {
      const [mean, low, high] = [1, 2, 3].map((n) => data[3 * i + n]?.[index]);
      if (typeof mean !== "number") return [];
      return [`${line.name} ${fixed(mean)} ${line.unit}` + (low === high ? "" : ` (${fixed(low)}…${fixed(high)})`)];
    });
    return values.length === 0 ? "" : [`${dayOf(t)} ${clockTime(t)}`, ...values].join("   ");
  }

  /** @param {number | null} index */
  #point(index) {
    const u = this.#plot;
    if (!u) return;
    const t = index === null ? undefined : u.data[0][index];
    if (index === null || t === undefined) {
      u.setCursor({ left: -10, top: -10 });
      return;
    }
    u.setCursor({ left: u.valToPos(t, "x"), top: 10 });
    this.#said.textContent = this.#readAt(index);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const u = this.#plot;
    const picture = this.#picture;
    if (!u || !picture || event.ctrlKey || event.metaKey || event.altKey) return;
    const times = u.data[0];
    const index = u.cursor.idx ?? times.length - 1;
    const by = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -times.length, End: times.length }[event.key];
    const t = (times[index] ?? 0) * 1000;
    if (by !== undefined) this.#point(Math.min(Math.max(index + (u.cursor.idx === null ? 0 : by), 0), times.length - 1));
    else if (event.key === "+" || event.key === "=") tell(this, "zoom", about(t, picture, 0.5));
    else if (event.key === "-") tell(this, "zoom", about(t, picture, 2));
    else if (event.key === "Escape" || event.key === "0") tell(this, "reset", null);
    else if (event.key === "Enter") tell(this, "moment", t);
    else return;
    event.preventDefault();
  }
}

/**
 * about is a span some times as long, with t where it was.
 * @param {number} t
 * @param {{from: number, to: number}} span
 * @param {number} times
 */
const about = (t, { from, to }, times) => ({ from: t - (t - from) * times, to: t + (to - t) * times });

/**
 * widen leaves room about the values.
 * @param {uPlot} _
 * @param {number} low
 * @param {number} high
 * @returns {[number, number]}
 */
function widen(_, low, high) {
  const half = Math.max((high - low) / 2 * 1.08, least / 2);
  return [(low + high) / 2 - half, (low + high) / 2 + half];
}

/**
 * columns lays the lines out as uPlot wants them: one column of times, and three
 * for each line. Where a line has nothing at a time of another it is undefined,
 * which does not break it; where it was silent for long it is null.
 * @param {Picture} picture
 * @returns {uPlot.AlignedData}
 */
function columns({ lines, gap }) {
  const breaks = lines.map((line) => breaksOf(line.points.map((p) => p.t), gap));
  const times = [...new Set([...lines.flatMap((l) => l.points.map((p) => p.t)), ...breaks.flatMap((b) => [...b])])].sort((a, b) => a - b);
  const values = lines.flatMap((line, i) => {
    const at = new Map(line.points.map((p) => [p.t, p]));
    const pick = (/** @type {"mean" | "min" | "max"} */ key) => times.map((t) => at.get(t)?.[key] ?? (breaks[i]?.has(t) ? null : undefined));
    return [pick("mean"), pick("min"), pick("max")];
  });
  return /** @type {uPlot.AlignedData} */ ([times.map((t) => t / 1000), ...values]);
}

/**
 * breaksOf finds the moments between two points that lie further apart than gap.
 * @param {number[]} times
 * @param {number} gap
 */
function breaksOf(times, gap) {
  const found = new Set();
  times.forEach((t, i) => {
    const next = times[i + 1];
    if (next !== undefined && next - t > gap) found.add(t + gap / 2);
  });
  return found;
}

/** @param {Picture} picture */
function summary({ lines }) {
  return lines.flatMap((line) => {
    const last = line.points.at(-1);
    if (!last) return [];
    const low = fixed(Math.min(...line.points.map((p) => p.min)));
    return [`${line.name}: last ${fixed(last.mean)} ${line.unit}, from ${low} to ${fixed(Math.max(...line.points.map((p) => p.max)))}`];
  }).join("; ");
}

customElements.define("tr-plot", Plot);
