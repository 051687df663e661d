// The bar at the top: link, clock, theme.

import { byId, clockSecond, dayOf } from "/assets/dom.js";
import { getJSON } from "/assets/api.js";

// A Clock shows the collector's time, which may run faster than ours.
export class Clock {
  #base = Date.now();
  #since = performance.now();
  #speed = 1;

  async sync() {
    const c = await getJSON("/api/v1/clock");
    this.#base = Date.parse(c.t);
    this.#since = performance.now();
    this.#speed = c.speed;
    return c;
  }

  get speed() { return this.#speed; }
  now() { return this.#base + (performance.now() - this.#since) * this.#speed; }
}

// runClock writes the time once a second.
export function runClock(clock) {
  const node = byId("clock");
  const tick = () => {
    const now = new Date(clock.now());
    node.firstElementChild.textContent = dayOf(now);
    node.lastElementChild.textContent = clockSecond(now);
    node.dateTime = now.toISOString();
    node.title = now.toISOString();
  };
  tick();
  setInterval(tick, 1000);
}

// showLink says whether what is on the page is live.
export function showLink(state, text) {
  const node = byId("link");
  if (node.dataset.state !== state) node.dataset.state = state;
  if (byId("link-text").textContent !== text) byId("link-text").textContent = text;
  document.body.classList.toggle("offline", state === "offline");
}

const darkScheme = matchMedia("(prefers-color-scheme: dark)");

export const isDark = () => (document.documentElement.dataset.theme ?? (darkScheme.matches ? "dark" : "light")) === "dark";

// runTheme follows the system until the button says otherwise, and calls
// changed whenever the theme did.
export function runTheme(changed) {
  const root = document.documentElement;
  const button = byId("theme");
  const label = () => button.setAttribute("aria-label", `Change to the ${isDark() ? "light" : "dark"} theme`);
  const chosen = localStorage.getItem("theme");
  if (chosen === "dark" || chosen === "light") root.dataset.theme = chosen;
  label();
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    localStorage.setItem("theme", root.dataset.theme);
    label();
    changed();
  });
  darkScheme.addEventListener("change", () => {
    label();
    changed();
  });
}
