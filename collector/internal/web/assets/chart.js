// A line chart with bands from least to greatest, as plain SVG.

import { clockTime, dayOf, el, svg } from "/assets/dom.js";

const pad = { left: 44, right: 12, top: 10, bottom: 26 };
const height = 230;

// A series is {name, kind, points: [{t, mean, min, max}]}, t in ms, and gap the
// ms after which a line is broken.
export class Chart {
  #host;
  #data = null;
  #cross = svg("g", { class: "cross" });
  #read = el("p", { class: "chart-read num", hidden: true });

  constructor(host) {
    this.#host = host;
    host.addEventListener("pointermove", (e) => this.#point(e));
    host.addEventListener("pointerleave", () => this.#leave());
    new ResizeObserver(() => this.#draw()).observe(host);
  }

  // show draws data: {from, to, unit, gap, series}.
  show(data) {
    this.#data = data;
    this.#draw();
  }

  #draw() {
    const width = this.#host.clientWidth;
    if (!this.#data || width < 100) return;
    const points = this.#data.series.flatMap((s) => s.points);
    this.#leave();
    if (points.length === 0) {
      this.#host.replaceChildren(el("p", { class: "calm" }, "No values in this span."));
      return;
    }
    const { x, y, ticks } = this.#axes(width, points);
    const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": this.#summary() },
      ...ticks.y.map((v) => svg("g", { class: "tick" },
        svg("line", { x1: pad.left, x2: width - pad.right, y1: y(v), y2: y(v) }),
        svg("text", { x: pad.left - 8, y: y(v), dy: "0.32em", "text-anchor": "end" }, `${+v.toFixed(2)}`))),
      ...ticks.x.map((t) => svg("text", { class: "tick-x", x: x(t), y: height - 6, "text-anchor": x(t) > width - 24 ? "end" : "middle" }, this.#timeLabel(t))),
      ...this.#data.series.flatMap((s) => runs(s.points, this.#data.gap).flatMap((run) => [
        svg("path", { class: `band-${s.kind}`, d: band(run, x, y) }),
        svg("path", { class: `line-${s.kind}`, d: line(run, x, y) })])),
      this.#cross);
    this.#host.replaceChildren(picture, this.#read);
  }

  #axes(width, points) {
    const { from, to } = this.#data;
    const least = Math.min(...points.map((p) => p.min));
    const most = Math.max(...points.map((p) => p.max));
    const middle = (least + most) / 2;
    const half = Math.max((most - least) / 2 * 1.08, 1); // never so close that noise fills the picture
    const [bottom, top] = [middle - half, middle + half];
    const x = (t) => pad.left + (t - from) / (to - from) * (width - pad.left - pad.right);
    const y = (v) => height - pad.bottom - (v - bottom) / (top - bottom) * (height - pad.top - pad.bottom);
    return { x, y, ticks: { y: niceTicks(bottom, top, 5), x: timeTicks(from, to, Math.max(2, Math.floor(width / 130))) } };
  }

  #timeLabel(t) {
    const date = new Date(t);
    return this.#data.to - this.#data.from > 36 * 3600e3 ? dayOf(date) : clockTime(date);
  }

  #summary() {
    return this.#data.series.filter((s) => s.points.length > 0).map((s) => {
      const last = s.points.at(-1).mean.toFixed(1);
      const least = Math.min(...s.points.map((p) => p.min)).toFixed(1);
      const most = Math.max(...s.points.map((p) => p.max)).toFixed(1);
      return `${s.name}: ${last} ${this.#data.unit} now, from ${least} to ${most}`;
    }).join("; ");
  }

  // point reads the chart where the pointer is.
  #point(event) {
    const box = this.#host.getBoundingClientRect();
    if (!this.#data) return;
    const { from, to, unit, series, gap } = this.#data;
    const width = this.#host.clientWidth; // box is larger where the page is zoomed
    const room = width - pad.left - pad.right;
    const t = from + ((event.clientX - box.left) * width / box.width - pad.left) / room * (to - from);
    const near = series.map((s) => ({ name: s.name, point: nearest(s.points, t) })).filter((n) => n.point && Math.abs(n.point.t - t) <= gap);
    if (near.length === 0) return this.#leave();
    const at = near[0].point.t;
    const px = pad.left + (at - from) / (to - from) * room;
    this.#cross.replaceChildren(svg("line", { x1: px, x2: px, y1: pad.top, y2: height - pad.bottom }));
    this.#read.textContent = `${dayOf(new Date(at))} ${clockTime(new Date(at))}  ` + near.map((n) => `${n.name} ${n.point.mean.toFixed(1)} ${unit}`).join("  ");
    this.#read.hidden = false;
  }

  #leave() {
    this.#cross.replaceChildren();
    this.#read.hidden = true;
  }
}

function nearest(points, t) {
  let best = null;
  for (const p of points) if (!best || Math.abs(p.t - t) < Math.abs(best.t - t)) best = p;
  return best;
}

// runs splits points where nothing was measured for longer than gap.
function runs(points, gap) {
  const all = [];
  for (const p of points) {
    if (all.length === 0 || p.t - all.at(-1).at(-1).t > gap) all.push([]);
    all.at(-1).push(p);
  }
  return all;
}

const pair = (x, y) => `${x.toFixed(1)} ${y.toFixed(1)}`;

const line = (run, x, y) =>
  run.length === 1 ? `M${pair(x(run[0].t) - 1, y(run[0].mean))}h2` : `M${run.map((p) => pair(x(p.t), y(p.mean))).join("L")}`;

const band = (run, x, y) =>
  `M${run.map((p) => pair(x(p.t), y(p.max))).join("L")}L${[...run].reverse().map((p) => pair(x(p.t), y(p.min))).join("L")}Z`;

function niceTicks(low, high, wanted) {
  const rough = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough);
  const ticks = [];
  for (let v = Math.ceil(low / step) * step; v <= high; v += step) ticks.push(v);
  return ticks;
}

const minute = 60e3;
const steps = [5, 10, 15, 30, 60, 120, 180, 240, 360, 720, 1440, 2880].map((n) => n * minute);

// timeTicks stand on round local times.
function timeTicks(from, to, wanted) {
  const step = steps.find((s) => (to - from) / s <= wanted) ?? steps.at(-1);
  const shift = new Date(from).getTimezoneOffset() * minute;
  const ticks = [];
  for (let t = Math.ceil((from - shift) / step) * step + shift; t <= to; t += step) ticks.push(t);
  return ticks.slice(0, 50);
}
