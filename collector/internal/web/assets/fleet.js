// The table of all nodes.

import { byId, el, inputById, selectById } from "./dom.js";
import { linkTo } from "./route.js";
import { Rows } from "./rows.js";
import { ago, throttling } from "./words.js";

/**
 * @typedef {import("./types.js").Node} Node
 * @typedef {import("./types.js").Unplaced} Unplaced
 *
 * @typedef {object} Column
 * @property {string} name
 * @property {(a: Node, b: Node) => number} compare
 */

/** @param {Node} n */
const placeOf = (n) => (n.switch !== null ? `switch ${n.switch}` : n.shelf === null ? "unplaced" : n.slot === null ? n.shelf : `${n.shelf}, slot ${n.slot}`);

/** @param {Node} n */
const rejected = (n) => Object.values(n.rejected).reduce((sum, count) => sum + count, 0);

/** @param {Node} n */
const isUnplaced = (n) => n.shelf === null && n.switch === null;

const names = new Intl.Collator(undefined, { numeric: true });

/** @param {(n: Node) => string} text */
const byText = (text) => (/** @type {Node} */ a, /** @type {Node} */ b) => names.compare(text(a), text(b));

// Hex digits are no numbers to a collator.
/** @param {Node} a @param {Node} b */
const byNode = (a, b) => (a.node < b.node ? -1 : Number(a.node > b.node));

/** @param {(n: Node) => number} value */
const byNumber = (value) => (/** @type {Node} */ a, /** @type {Node} */ b) => value(b) - value(a);

/**
 * Unplaced ones come first: somebody has to say where they are.
 * @param {Node} a
 * @param {Node} b
 */
const byPlace = (a, b) =>
  Number(isUnplaced(b)) - Number(isUnplaced(a)) || names.compare(a.shelf ?? "", b.shelf ?? "") || (a.slot ?? 0) - (b.slot ?? 0) || byNode(a, b);

// Throttled now counts more than ever before.
/** @param {Node} n */
const throttleRank = (n) => (n.throttled === null ? -1 : (n.throttled & 15) * 16 + (n.throttled >> 16 & 15));

/** @type {Column[]} */
const columns = [
  { name: "Node", compare: byNode },
  { name: "Place", compare: byPlace },
  { name: "Model", compare: byText((n) => n.model ?? "") },
  { name: "Agent", compare: byText((n) => n.agent ?? "") },
  { name: "Address", compare: byText((n) => n.addresses[0] ?? "") },
  { name: "Seen", compare: byNumber((n) => (n.seen ? Date.parse(n.seen) : 0)) },
  { name: "Throttling", compare: byNumber(throttleRank) },
  { name: "Rejected samples", compare: byNumber(rejected) },
];

/** @type {Record<string, (n: Node, conflicts: Set<string>) => boolean>} */
const kinds = {
  all: () => true,
  unplaced: isUnplaced,
  offline: (n) => n.online === false,
  throttled: (n) => throttling(n.throttled).now !== "",
  rejecting: (n) => rejected(n) > 0,
  conflict: (n, conflicts) => conflicts.has(n.node),
};

/** A Fleet shows every node, filtered and sorted. */
export class Fleet extends HTMLElement {
  /** @type {Node[]} */
  #nodes = [];
  /** @type {Map<string, string>} */
  #conflicts = new Map(); // why, by node
  #sort = { column: 1, down: false };
  #table = el("table", { class: "fleet-table" });
  #heads = el("tr", {});
  /** @type {Rows<Node> | null} */
  #rows = null;
  /** The collector's time in ms. */
  now = () => Date.now();

  connectedCallback() {
    this.#table.append(el("thead", {}, this.#heads));
    this.append(this.#table);
    this.#rows = new Rows(this, this.#table, (n) => this.#row(n));
    this.#heads.append(...columns.map((column, i) => el("th", { scope: "col" },
      el("button", { type: "button", class: "sort", onclick: () => this.#sortBy(i) }, column.name))));
    byId("fleet-find").addEventListener("input", () => this.#filter());
    byId("fleet-kind").addEventListener("change", () => this.#filter());
    this.#markSort();
  }

  /**
   * @param {Node[]} nodes
   * @param {import("./types.js").Conflict[]} conflicts
   */
  show(nodes, conflicts) {
    this.#nodes = nodes;
    this.#conflicts = new Map(conflicts.flatMap((c) => c.nodes.map((node) => [node, c.why])));
    this.#filter();
    const online = nodes.filter((n) => n.online).length;
    byId("fleet-count").textContent = `${online} of ${nodes.length} online`;
  }

  /** @param {number} column */
  #sortBy(column) {
    this.#sort = { column, down: this.#sort.column === column && !this.#sort.down };
    this.#markSort();
    this.#filter();
    this.scrollTop = 0;
  }

  #markSort() {
    [...this.#heads.cells].forEach((head, i) => {
      if (i === this.#sort.column) head.setAttribute("aria-sort", this.#sort.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
  }

  #filter() {
    const wanted = inputById("fleet-find").value.trim().toLowerCase();
    const fits = kinds[selectById("fleet-kind").value] ?? (() => true);
    const conflicts = new Set(this.#conflicts.keys());
    const found = this.#nodes.filter((n) => fits(n, conflicts) &&
      (wanted === "" || [n.node, placeOf(n), n.model, n.agent, n.serial, ...n.addresses].some((text) => text?.toLowerCase().includes(wanted))));
    const compare = columns[this.#sort.column]?.compare ?? byPlace;
    const sign = this.#sort.down ? -1 : 1;
    this.#rows?.show(found.sort((a, b) => sign * compare(a, b) || byPlace(a, b)));
    byId("fleet-found").textContent = found.length === this.#nodes.length ? "" : `${found.length} shown`;
  }

  /** @param {Node} n */
  #row(n) {
    const state = n.online === null ? "unknown" : n.online ? "ok" : "off";
    const said = n.online === null ? " not heard of" : n.online ? " online" : " offline";
    const { now, past } = throttling(n.throttled);
    const reasons = Object.entries(n.rejected).map(([reason, times]) => `${reason} ${times}`).join(", ");
    return el("tr", {},
      el("th", { scope: "row" }, el("span", { class: `dot ${state}`, "aria-hidden": "true" }), el("code", {}, n.node), el("span", { class: "hidden" }, said)),
      this.#place(n),
      cell(n.model), cell(n.agent), cell(n.addresses.join(", ")),
      el("td", { class: "num" }, n.seen === null ? "never" : el("time", { datetime: n.seen }, ago(n.seen, this.now()))),
      el("td", { class: now ? "warn" : "muted", title: past ? `since it started: ${past}` : null }, now || (past ? `was: ${past}` : n.throttled === null ? "–" : "none")),
      el("td", { class: reasons ? "warn" : "muted", title: reasons }, reasons || "none"));
  }

  /** @param {Node} n */
  #place(n) {
    const why = this.#conflicts.get(n.node);
    const place = n.shelf === null ? placeOf(n)
      : el("a", { href: linkTo({ view: "shelf", shelf: n.shelf, part: n.slot === null ? null : { kind: "slot", name: String(n.slot) } }) }, placeOf(n));
    return el("td", { class: isUnplaced(n) || why ? "warn" : null, title: why }, place, why ? ` · ${why}` : null);
  }
}

/** @param {string | null} text */
const cell = (text) => el("td", { title: text }, text || "–");

customElements.define("tr-fleet", Fleet);
