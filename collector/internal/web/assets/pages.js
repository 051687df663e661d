// What was sent to people, and the banner that says so.

import { byId, el, unlessSame } from "./dom.js";
import { envelope } from "./signs.js";
import { clockTime, dayOf } from "./words.js";

/** @typedef {import("./types.js").Page} Page */

const shown = 8;
const announced = 45_000; // ms that the banner of a delivered page stays

/** @param {Page} page */
const receiver = (page) => `${page.receiver} (${page.integration.replace(/\[0\]$/, "")})`;

/** @param {Page} page */
const headline = (page) => (page.alerts[0] ?? "no summary") + (page.alerts.length > 1 ? ` and ${page.alerts.length - 1} more` : "");

/** Pages shows what was sent, and announces what is new in #banner. */
export class Pages extends HTMLElement {
  /** @type {number | null} */
  #newest = null; // sequence number of the last page seen; null before the first look
  #timer = 0;
  #draw = unlessSame((/** @type {Page[]} */ pages) => this.#list(pages));

  /** @param {Page[]} pages newest first */
  show(pages) {
    this.#draw(pages.slice(0, shown));
    const before = this.#newest;
    this.#newest = Math.max(0, ...pages.map((p) => p.seq));
    const fresh = pages.filter((p) => before !== null && p.seq > before);
    const page = fresh.find((p) => p.status === "firing") ?? fresh[0];
    if (page) this.#announce(page);
  }

  /** @param {Page[]} pages */
  #list(pages) {
    this.replaceChildren(pages.length === 0
      ? el("p", { class: "calm" }, "None since the start.")
      : el("ul", { class: "rows" }, ...pages.map(pageRow)));
  }

  /** @param {Page} page */
  #announce(page) {
    const failed = page.error !== null;
    const banner = byId("banner");
    const close = el("button", { type: "button", class: "quiet", onclick: () => { banner.hidden = true; } }, "Dismiss");
    banner.className = `banner ${failed ? "failed" : page.status}`;
    banner.replaceChildren(envelope(),
      el("p", {},
        el("strong", {}, failed ? "Page not delivered" : page.status === "resolved" ? "Resolved" : "Page sent"),
        ` ${headline(page)} → ${receiver(page)}`, el("time", { datetime: page.t, class: "num" }, clockTime(new Date(page.t)))),
      close);
    banner.hidden = false;
    clearTimeout(this.#timer);
    if (!failed) this.#timer = setTimeout(() => { banner.hidden = true; }, announced);
  }
}

/** @param {Page} page */
function pageRow(page) {
  const sent = new Date(page.t);
  const failed = page.error !== null;
  const word = failed ? `not delivered, tried ${page.attempts}×: ${page.error}` : page.status === "resolved" ? "resolved" : "";
  return el("li", { class: `row page ${failed ? "failed" : page.status}` },
    el("div", {},
      envelope(),
      el("span", { class: "row-title" }, `→ ${receiver(page)}`),
      el("span", { class: "row-side" }, el("time", { datetime: page.t, class: "num", title: `${dayOf(sent)}, wall time` }, clockTime(sent))),
      el("span", { class: "row-text" }, headline(page)),
      word ? el("span", { class: "row-place" }, word) : null));
}

customElements.define("tr-pages", Pages);
