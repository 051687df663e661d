// The wall: no controls, no pointer, one shelf after the other.

import { byId } from "./dom.js";
import { worstFirst } from "./places.js";

/**
 * @typedef {import("./types.js").ShelfLine} ShelfLine
 * @typedef {import("./route.js").Route} Route
 */

const still = 3000; // ms without movement after which the pointer hides

/** A Kiosk shows a shelf for some seconds, then the next. */
export class Kiosk {
  #timer = 0;
  #every = 0;
  #next;
  #pointer = 0;

  /** @param {() => void} next is called when it is time for another shelf */
  constructor(next) {
    this.#next = next;
    document.addEventListener("pointermove", () => {
      document.body.classList.add("moved");
      clearTimeout(this.#pointer);
      this.#pointer = setTimeout(() => document.body.classList.remove("moved"), still);
    });
  }

  /**
   * follow does as the address says: ?kiosk alone goes round, with a shelf it
   * stays there.
   * @param {Route} route
   * @param {number} shelves that there are
   */
  follow(route, shelves) {
    document.body.classList.toggle("kiosk", route.kiosk);
    const every = route.kiosk && !route.shelf && shelves > 1 ? route.every : 0;
    byId("progress").hidden = every === 0;
    byId("progress").style.setProperty("--every", `${every}s`);
    if (every === this.#every) return;
    this.#every = every;
    clearInterval(this.#timer);
    if (every > 0) this.#timer = setInterval(this.#next, every * 1000);
  }
}

/**
 * nextShelf is the one to show after another: all in turn, and while something
 * is wrong only what is.
 * @param {ShelfLine[]} shelves
 * @param {string} after
 */
export function nextShelf(shelves, after) {
  const wrong = shelves.filter((s) => s.state === "critical" || s.state === "warning");
  const round = wrong.length > 0 ? [...wrong].sort((a, b) => worstFirst.indexOf(a.state) - worstFirst.indexOf(b.state)) : shelves;
  return round[(round.findIndex((s) => s.id === after) + 1) % round.length]?.id ?? "";
}
