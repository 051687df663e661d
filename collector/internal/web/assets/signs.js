// Small pictures. Severity is told by shape and word too, never by colour alone.

import { svg } from "./dom.js";

/** @type {Record<string, string>} */
const shapes = {
  critical: "M10 1.500 18.500 10 10 18.500 1.500 10z",
  warning: "M10 2.500 18.500 17h-17z",
  ok: "M10 2.500a7.500 7.500 0 1 0 0 15a7.500 7.500 0 1 0 0-15z",
};

/** @param {string} severity */
export const sign = (severity) =>
  svg("svg", { viewBox: "0 0 20 20", width: 14, height: 14, class: "sign", "aria-hidden": "true" },
    svg("path", { d: shapes[severity] ?? shapes["warning"], fill: "currentColor" }));

/** stateSign is the sign of a shelf's state; unknown is an open circle. */
export const stateSign = (/** @type {string} */ state) =>
  svg("svg", { viewBox: "0 0 20 20", width: 12, height: 12, class: `sign ${state}`, "aria-hidden": "true" },
    svg("path", { d: shapes[state] ?? shapes["ok"], fill: shapes[state] ? "currentColor" : "none", stroke: "currentColor", "stroke-width": shapes[state] ? 0 : 3 }));

export const envelope = () =>
  svg("svg", { viewBox: "0 0 20 20", width: 14, height: 14, class: "sign", "aria-hidden": "true" },
    svg("path", { d: "M1.500 4h17v12h-17z M1.500 4.500 10 11l8.500-6.500", fill: "none", stroke: "currentColor", "stroke-width": 1.7, "stroke-linejoin": "round" }));

/** @param {-1 | 1} to back or on */
export const skipSign = (to) =>
  svg("svg", { viewBox: "0 0 20 20", width: 14, height: 14, "aria-hidden": "true" },
    svg("path", { d: to === 1 ? "M3 3l10 7-10 7zM14 3h3v14h-3z" : "M17 3L7 10l10 7zM3 3h3v14H3z", fill: "currentColor" }));
