// A table of any length: only the rows that are in sight are in the document.

import { el } from "./dom.js";

const margin = 12; // rows above and below what is in sight

/**
 * Rows fills the body of a table inside an element that scrolls. Every row is as
 * high as the style sheet says by --row.
 * @template T
 */
export class Rows {
  #scroller;
  #table;
  #body = el("tbody", {});
  #above = el("tr", { "aria-hidden": "true", class: "gap" }, el("td", {}));
  #below = el("tr", { "aria-hidden": "true", class: "gap" }, el("td", {}));
  #rowOf;
  /** @type {T[]} */
  #items = [];
  #from = -1;
  #to = -1;

  /**
   * @param {HTMLElement} scroller
   * @param {HTMLTableElement} table
   * @param {(item: T) => HTMLTableRowElement} rowOf
   */
  constructor(scroller, table, rowOf) {
    this.#scroller = scroller;
    this.#table = table;
    this.#rowOf = rowOf;
    table.append(this.#body);
    scroller.addEventListener("scroll", () => this.#draw(), { passive: true });
    new ResizeObserver(() => this.#draw()).observe(scroller);
  }

  /** @param {T[]} items all of them, in order */
  show(items) {
    this.#items = items;
    this.#table.setAttribute("aria-rowcount", String(items.length + 1));
    this.#from = -1;
    this.#draw();
  }

  /** The height of a row in px. */
  get #row() { return parseFloat(getComputedStyle(this.#scroller).getPropertyValue("--row")); }

  /**
   * reveal scrolls to an item.
   * @param {number} index
   */
  reveal(index) {
    this.#scroller.scrollTop = Math.max(0, index * this.#row - this.#scroller.clientHeight / 3);
    this.#draw();
  }

  #draw() {
    const row = this.#row;
    const first = Math.floor(this.#scroller.scrollTop / row) - margin;
    const from = Math.max(0, Math.min(first, this.#items.length - 1));
    const to = Math.min(this.#items.length, Math.max(0, first) + Math.ceil(this.#scroller.clientHeight / row) + 2 * margin);
    if (from === this.#from && to === this.#to) return;
    this.#from = from;
    this.#to = to;
    const rows = this.#items.slice(from, to).map((item, i) => {
      const node = this.#rowOf(item);
      node.setAttribute("aria-rowindex", String(from + i + 2));
      return node;
    });
    this.#above.style.setProperty("height", `${from * row}px`);
    this.#below.style.setProperty("height", `${(this.#items.length - to) * row}px`);
    this.#body.replaceChildren(this.#above, ...rows, this.#below);
  }
}
