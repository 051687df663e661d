// The list of alerts.

import { el, tell, unlessSame } from "./dom.js";
import { sign } from "./signs.js";
import { ago, words } from "./words.js";

/** @typedef {import("./types.js").Alert} Alert */

/** @param {Alert} a */
const placeOf = (a) => [`${a.site}/${a.rack}/${a.shelf}`, a.slot === null ? "" : `slot ${a.slot}`].filter(Boolean).join(", ");

/** @param {Alert} a */
const rank = (a) => (a.state === "firing" ? 0 : 2) + (a.severity === "critical" ? 0 : 1);

/** Alerts shows them all, worst first, and tells "choose" with the one clicked. */
export class Alerts extends HTMLElement {
  #draw = unlessSame((/** @type {Alert[]} */ alerts) => this.#list(alerts));
  /** The time, in ms, that ages are told by. */
  now = () => Date.now();

  /** @param {Alert[]} alerts */
  show(alerts) {
    this.#draw([...alerts].sort((a, b) => rank(a) - rank(b) || Date.parse(b.since) - Date.parse(a.since)));
    this.age();
  }

  /** age writes anew how long the alerts have lasted. */
  age() {
    for (const node of this.querySelectorAll("time")) node.textContent = ago(node.dateTime, this.now());
  }

  /** @param {Alert[]} alerts */
  #list(alerts) {
    this.replaceChildren(alerts.length === 0
      ? el("p", { class: "calm" }, "Nothing is wrong.")
      : el("ul", { class: "rows" }, ...alerts.map((a) => this.#row(a))));
  }

  /** @param {Alert} a */
  #row(a) {
    return el("li", { class: `row alert ${a.severity} ${a.state}` },
      el("button", { type: "button", onclick: () => tell(this, "choose", a) },
        sign(a.severity),
        el("span", { class: "row-title" }, words(a.alert)),
        el("span", { class: "row-side" }, a.state === "pending" ? "pending " : "", el("time", { datetime: a.since, class: "num" })),
        el("span", { class: "row-text" }, a.summary),
        el("span", { class: "row-place" }, el("span", { class: "hidden" }, `${a.severity}, `), placeOf(a))));
  }
}

customElements.define("tr-alerts", Alerts);
