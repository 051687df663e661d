// The history card: the shelf's hot and cold air, or one slot's processor.

import { byId, el, fixed } from "/assets/dom.js";
import { getJSON } from "/assets/api.js";
import { Chart } from "/assets/chart.js";

const buckets = 180; // a line's points: one every few pixels

export class History {
  #chart = new Chart(byId("chart"));
  #clock;
  #reset;
  hours = 6;

  // reset is called when the reader wants the shelf back.
  constructor(clock, reset) {
    this.#clock = clock;
    this.#reset = reset;
  }

  // load fetches and draws the history of a shelf's document, or of one of its
  // slots.
  async load(shelf, slot) {
    const span = this.hours * 3600e3;
    const step = Math.max(10, Math.round(span / 1000 / buckets / 10) * 10);
    const to = Math.ceil(this.#clock.now() / 1000 / step) * step;
    const range = `from=${to - span / 1000}&to=${to}&step=${step}`;
    const wanted = slot ? ofSlot(shelf, slot) : ofShelf(shelf);
    const series = await Promise.all(wanted.map((s) => fetchSeries(s, range, step)));
    this.#title(shelf, slot, series);
    this.#chart.show({ from: (to * 1000) - span, to: to * 1000, unit: "°C", gap: Math.max(step * 3000, 180e3), series });
  }

  #title(shelf, slot, series) {
    byId("history-title").textContent = slot ? `History of slot ${slot}` : "History of hot and cold air";
    const back = el("button", { type: "button", class: "quiet", onclick: this.#reset }, "Back to the shelf");
    byId("legend").replaceChildren(...series.map((s) => el("span", { class: `key key-${s.kind}` },
      el("i", { "aria-hidden": "true" }), s.name, el("b", { class: "num" }, `${fixed(s.points.at(-1)?.mean)} °C`))), slot ? back : "");
  }
}

// A series is asked for only where something has been measured: the others are
// not stored, which would be an error.
function ofShelf(shelf) {
  const faces = [["hot", "Hot air"], ["cold", "Inlet"]];
  return faces
    .filter(([face]) => shelf.probes.some((p) => p.face === face && p.value !== null))
    .map(([face, name]) => ({ name, kind: face, sensor: `place:${shelf.id}/face/${face}:temperature` }));
}

function ofSlot(shelf, slot) {
  if (!shelf.slots[slot - 1]?.node || shelf.slots[slot - 1].soc === null) return [];
  return [{ name: "Processor", kind: "soc", sensor: `place:${shelf.id}/slot/${slot}:temperature` }];
}

async function fetchSeries(wanted, range, step) {
  const answer = await getJSON(`/api/v1/series?sensor=${encodeURIComponent(wanted.sensor)}&${range}`);
  const middle = step * 500; // a bucket stands for its middle
  return { ...wanted, points: answer.points.map((p) => ({ t: Date.parse(p.t) + middle, mean: p.mean, min: p.min, max: p.max })) };
}
