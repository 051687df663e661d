// The history card: the shelf's hot and cold air, or one slot, probe or fan.

import { byId, choose, el, hear, onChoice, selectById, tell, unlessSame } from "./dom.js";
import { getJSON, query, Refusal } from "./api.js";
import { partTitle } from "./part.js";
import { fixed, unitWord } from "./words.js";

/**
 * @typedef {import("./types.js").Shelf} Shelf
 * @typedef {import("./types.js").Part} Part
 * @typedef {import("./plot.js").Line} Line
 * @typedef {{name: string, kind: string, unit: string, sensor: string}} Wanted
 * @typedef {{from: number, to: number}} Span in ms
 */

const buckets = 300; // a line's points: one every few pixels
const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200]; // s
const broken = 180_000; // ms without a value that break a line, at least

/** A History tells "part" with what was chosen, and "moment" in ms. */
export class History extends HTMLElement {
  /** @type {Promise<import("./plot.js").Plot> | null} */
  #plot = null;
  /** @type {Span | null} */
  #zoom = null;
  #hours = 6;
  #offer = unlessSame((/** @type {Shelf["id"]} */ _, /** @type {string[]} */ ...parts) => this.#options(parts));
  /** Called when another span is wanted. */
  again = () => {};
  /** The collector's time in ms. */
  now = () => Date.now();

  connectedCallback() {
    onChoice("spans", (hours) => {
      this.#hours = Number(hours);
      this.#zoomTo(null);
    });
    selectById("history-of").addEventListener("change", () => {
      const [, kind, name] = /^(\w+)\/(.*)$/s.exec(selectById("history-of").value) ?? [];
      tell(this, "part", kind ? { kind, name } : null);
    });
    byId("zoom-out").addEventListener("click", () => this.#zoomTo(null));
  }

  /** @param {Span | null} span */
  #zoomTo(span) {
    this.#zoom = span && span.to - span.from >= 60_000 ? span : null;
    byId("zoom-out").hidden = this.#zoom === null;
    choose("spans", this.#zoom ? "" : String(this.#hours));
    this.again();
  }

  /** The chart's code is not needed for the first paint. */
  async #chart() {
    this.#plot ??= import("./plot.js").then(() => {
      const plot = /** @type {import("./plot.js").Plot} */ (byId("chart"));
      hear(plot, "zoom", (span) => this.#zoomTo(span));
      hear(plot, "reset", () => this.#zoomTo(null));
      hear(plot, "moment", (t) => tell(this, "moment", t));
      return plot;
    });
    return this.#plot;
  }

  /**
   * load fetches and draws the history of a shelf, or of a part of it.
   * @param {Shelf} shelf
   * @param {Part | null} part
   * @param {number | null} at ms; the moment that the map shows, null is live
   */
  async load(shelf, part, at) {
    this.#offer(shelf.id, ...partsOf(shelf));
    selectById("history-of").value = part ? `${part.kind}/${part.name}` : "";
    byId("history-title").textContent = part ? `History of ${partTitle(part).replace(/^./, (c) => c.toLowerCase())}` : "History of hot and cold air";
    const { from, to, step } = this.#span(at);
    const range = { from: from / 1000, to: to / 1000, step };
    const [plot, ...lines] = await Promise.all([this.#chart(), ...linesOf(shelf, part).map((w) => fetchLine(w, range))]);
    byId("legend").replaceChildren(...lines.map((line) => el("span", { class: `key key-${line.kind}` },
      el("i", { "aria-hidden": "true" }), line.name, el("b", { class: "num" }, `${fixed(line.points.at(-1)?.mean)} ${line.unit}`))));
    plot.show({ from, to, gap: Math.max(step * 3000, broken), at, lines });
  }

  /**
   * span is what is asked for, on whole steps, so that points stand still while
   * time goes on.
   * @param {number | null} at
   */
  #span(at) {
    const long = this.#zoom ? this.#zoom.to - this.#zoom.from : this.#hours * 3_600_000;
    const step = steps.find((s) => long / 1000 / s <= buckets) ?? 14_400;
    const now = this.now();
    const end = this.#zoom?.to ?? (at === null ? now : Math.min(now, at + long / 2));
    const to = Math.ceil(end / 1000 / step) * step * 1000;
    return { from: to - Math.ceil(long / 1000 / step) * step * 1000, to, step };
  }

  /** @param {string[]} parts */
  #options(parts) {
    const group = (/** @type {string} */ label, /** @type {string} */ kind) => {
      const its = parts.filter((p) => p.startsWith(`${kind}/`));
      return its.length === 0 ? null : el("optgroup", { label }, ...its.map((p) => el("option", { value: p }, p.slice(kind.length + 1))));
    };
    selectById("history-of").replaceChildren(...[
      el("option", { value: "" }, "Hot and cold air"), group("Probes", "probe"), group("Fans", "fan"), group("Slots", "slot"),
    ].filter((node) => node !== null));
  }
}

/** @param {Shelf} shelf */
const partsOf = (shelf) => [
  ...shelf.probes.map((p) => `probe/${p.name}`),
  ...shelf.fans.map((f) => `fan/${f.name}`),
  ...shelf.slots.filter((s) => s.node || s.soc !== null || s.power !== null).map((s) => `slot/${s.slot}`),
];

/**
 * linesOf says what to ask for: not for what has never been measured, as it is
 * not stored.
 * @param {Shelf} shelf
 * @param {Part | null} part
 * @returns {Wanted[]}
 */
function linesOf(shelf, part) {
  const place = `place:${shelf.id}`;
  if (part?.kind === "slot") return ofSlot(shelf.slots[Number(part.name) - 1], `${place}/slot/${part.name}`);
  if (part?.kind === "fan") {
    const fan = shelf.fans.find((f) => f.name === part.name && f.t);
    return fan ? [{ name: fan.name, kind: "fan", unit: "1/s", sensor: `${place}/fan/${fan.name}:speed` }] : [];
  }
  const measured = shelf.probes.filter((p) => p.t);
  if (part) {
    const probe = measured.find((p) => p.name === part.name);
    return probe ? [{ name: probe.name, kind: probe.face === "cold" ? "cold" : "hot", unit: "°C", sensor: `${place}/probe/${probe.name}:temperature` }] : [];
  }
  return [{ name: "Hot air", kind: "hot" }, { name: "Inlet", kind: "cold" }]
    .filter(({ kind }) => measured.some((p) => p.face === kind))
    .map(({ name, kind }) => ({ name, kind, unit: "°C", sensor: `${place}/face/${kind}:temperature` }));
}

/**
 * @param {import("./types.js").Slot | undefined} slot
 * @param {string} place
 */
function ofSlot(slot, place) {
  /** @type {Wanted[]} */
  const wanted = [];
  if (slot?.node && slot.seen) wanted.push({ name: "Processor", kind: "soc", unit: "°C", sensor: `${place}:temperature` });
  if (slot && slot.power !== null) wanted.push({ name: "Power", kind: "power", unit: "W", sensor: `${place}:power` });
  return wanted;
}

/**
 * fetchLine asks for one line. What nothing measures, or what was never stored,
 * is a line without points.
 * @param {Wanted} wanted
 * @param {{from: number, to: number, step: number}} range
 * @returns {Promise<Line>}
 */
async function fetchLine(wanted, range) {
  /** @type {import("./types.js").Series} */
  const answer = await getJSON("/api/v1/series" + query({ sensor: wanted.sensor, ...range })).catch((err) => {
    if (err instanceof Refusal && err.status === 404) return { unit: "", points: [] };
    throw err;
  });
  const middle = range.step * 500; // a bucket stands for its middle
  return {
    name: wanted.name, kind: wanted.kind, unit: unitWord(answer.unit) || wanted.unit,
    points: answer.points.map((p) => ({ t: Date.parse(p.t) + middle, mean: p.mean, min: p.min, max: p.max })),
  };
}

customElements.define("tr-history", History);
