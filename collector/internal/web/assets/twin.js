// The map as a table, for who cannot see it, and to copy from.

import { byId, el, unlessSame } from "./dom.js";
import { fixed } from "./words.js";

/** @typedef {import("./types.js").HeatMap} HeatMap */

/** @type {Record<string, string>} */
const units = { poe: "W", delta: "K", excess: "K" };

/**
 * drawTwin writes a layer as a table, hot row first as on the map.
 */
export const drawTwin = unlessSame((/** @type {HeatMap} */ map) => {
  const columns = Array.from({ length: map.columns }, (_, i) => i);
  const rows = Array.from({ length: map.depth }, (_, i) => map.depth - 1 - i);
  byId("twin-table").replaceChildren(
    el("caption", {}, `${map.shelf}, ${map.layer}, ${units[map.layer] ?? "°C"}. The first row is the hot side, the last the cold aisle.`),
    el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Row"), ...columns.map((c) => el("th", { scope: "col", class: "num" }, `${c + 1}`)))),
    el("tbody", {}, ...rows.map((r) => el("tr", {},
      el("th", { scope: "row" }, r === map.depth - 1 ? "hot" : r === 0 ? "cold" : `${r + 1}`),
      ...columns.map((c) => cellOf(map.cells[r * map.columns + c]))))));
});

// Where a value comes from is told in the cell too, not by its look alone.
/** @type {Record<string, string>} */
const marks = { inferred: "~", stale: "?", missing: "", measured: "" };

/** @param {import("./types.js").HeatCell | undefined} cell */
function cellOf(cell) {
  if (!cell) return el("td", {});
  const mark = marks[cell.source];
  return el("td", { class: `num ${cell.source}`, title: `slot ${cell.slot}, ${cell.source}` },
    mark ? el("abbr", { title: cell.source === "stale" ? "stale" : "guessed" }, mark) : null, fixed(cell.value));
}
