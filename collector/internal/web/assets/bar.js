// The bar at the top: where one is, link, clock, theme.

import { byId, el, unlessSame } from "./dom.js";
import { getJSON } from "./api.js";
import { clockSecond, dayOf } from "./words.js";
import { linkTo } from "./route.js";

/** A Clock shows the collector's time, which may run faster than ours. */
export class Clock {
  #base = Date.now();
  #since = performance.now();
  #speed = 1;
  /** @type {() => void} */
  #tell = () => {};
  /** known is kept when the program's time is known: a demo's is far from ours. */
  known = new Promise((keep) => { this.#tell = () => keep(undefined); });

  /** @returns {Promise<{t: string, speed: number, demo: boolean}>} */
  async sync() {
    const c = await getJSON("/api/v1/clock");
    this.#base = Date.parse(c.t);
    this.#since = performance.now();
    this.#speed = c.speed;
    this.#tell();
    return c;
  }

  get speed() { return this.#speed; }
  now() { return this.#base + (performance.now() - this.#since) * this.#speed; }
}

/**
 * runClock writes the time once a second.
 * @param {Clock} clock
 */
export function runClock(clock) {
  const day = el("span", { class: "day" });
  const time = el("span", {});
  const node = el("time", { id: "clock", class: "num" }, day, " ", time);
  byId("now").replaceChildren(node);
  const tick = () => {
    const now = new Date(clock.now());
    day.textContent = dayOf(now);
    time.textContent = clockSecond(now);
    node.dateTime = node.title = now.toISOString();
  };
  tick();
  setInterval(tick, 1000);
}

/**
 * showLink says whether what is on the page is live.
 * @param {"live" | "demo" | "offline"} state
 * @param {string} text
 */
export function showLink(state, text) {
  const node = byId("link");
  if (node.dataset["state"] !== state) node.dataset["state"] = state;
  if (byId("link-text").textContent !== text) byId("link-text").textContent = text;
  document.body.classList.toggle("offline", state === "offline");
}

/**
 * showCrumbs writes the way down to what is shown: site, rack, shelf.
 */
export const showCrumbs = unlessSame((/** @type {string[]} */ way) => {
  const [site, rack] = way;
  const links = [linkTo({ site: site ?? "" }), linkTo({ site: site ?? "", rack: rack ?? "" })];
  byId("crumbs").replaceChildren(...way.map((name, i) => {
    const last = i === way.length - 1;
    const to = links[i];
    return el("li", {}, last || !to ? el("span", { "aria-current": last ? "page" : null }, name) : el("a", { href: to }, name));
  }));
});

const darkScheme = matchMedia("(prefers-color-scheme: dark)");

export const isDark = () => (document.documentElement.dataset["theme"] ?? (darkScheme.matches ? "dark" : "light")) === "dark";

/**
 * runTheme follows the system until the button says otherwise, and calls changed
 * whenever the theme did.
 * @param {() => void} changed
 */
export function runTheme(changed) {
  const root = document.documentElement;
  const button = byId("theme");
  const label = () => button.setAttribute("aria-label", `Change to the ${isDark() ? "light" : "dark"} theme`);
  const chosen = localStorage.getItem("theme");
  if (chosen === "dark" || chosen === "light") root.dataset["theme"] = chosen;
  label();
  button.addEventListener("click", () => {
    const theme = isDark() ? "light" : "dark";
    root.dataset["theme"] = theme;
    localStorage.setItem("theme", theme);
    label();
    changed();
  });
  darkScheme.addEventListener("change", () => {
    label();
    changed();
  });
}
