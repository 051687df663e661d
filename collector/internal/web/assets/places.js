// The way down: sites, their racks side by side, the shelves of each one above
// the other.

import { el, unlessSame } from "./dom.js";
import { getJSON, query } from "./api.js";
import { linkTo } from "./route.js";
import { stateSign } from "./signs.js";
import { Site } from "./site.js";
import { fixed, stateWords } from "./words.js";

/**
 * @typedef {import("./types.js").ShelfLine} ShelfLine
 * @typedef {import("./types.js").State} State
 */

/** @type {State[]} */
export const worstFirst = ["critical", "warning", "unknown", "ok"];

/** @param {ShelfLine[]} shelves */
export const worstState = (shelves) => worstFirst.find((state) => shelves.some((s) => s.state === state)) ?? "unknown";

/**
 * worstShelf is the one that a person should look at first.
 * @param {ShelfLine[]} shelves
 */
export const worstShelf = (shelves) =>
  [...shelves].sort((a, b) => worstFirst.indexOf(a.state) - worstFirst.indexOf(b.state) || (b.delta_t ?? 0) - (a.delta_t ?? 0))[0];

/**
 * grouped puts lines together by a key, in the order of their first.
 * @param {ShelfLine[]} shelves
 * @param {"site" | "rack"} key
 * @returns {[string, ShelfLine[]][]}
 */
const grouped = (shelves, key) => [...Map.groupBy(shelves, (s) => s[key])];

const byNumbers = new Intl.Collator("en", { numeric: true }).compare; // s9, s10, as the map has them

/** Places shows the shelves that a site and rack have; "" are all of them. */
export class Places extends HTMLElement {
  /** @type {Map<string, Tile>} */
  #tiles = new Map();
  // Links keep their place and focus while only values change.
  #build = unlessSame((/** @type {string[]} */ _ids, /** @type {string} */ site, /** @type {string} */ rack) => this.#arrange(site, rack));
  /** @type {ShelfLine[]} */
  #shelves = [];
  /** @type {Map<string, Site>} */
  #maps = new Map();
  #rack = "";

  /**
   * load fetches and shows the maps of the sites that are shown, or of the rack.
   * @param {import("./types.js").Layer} layer
   * @param {import("./types.js").Palette} palette
   */
  async load(layer, palette) {
    const rack = this.#rack;
    await Promise.all([...this.#maps].map(async ([site, map]) => {
      const place = rack ? `racks/${encodeURIComponent(site)}/${encodeURIComponent(rack)}` : `sites/${encodeURIComponent(site)}`;
      map.show(await getJSON(`/api/v1/${place}/heatmap.json${query({ layer, palette })}`));
    }));
  }

  /**
   * @param {ShelfLine[]} shelves
   * @param {string} site
   * @param {string} rack
   */
  show(shelves, site, rack) {
    this.#shelves = shelves.filter((s) => (!site || s.site === site) && (!rack || s.rack === rack)).sort((a, b) => byNumbers(a.id, b.id));
    this.#build(this.#shelves.map((s) => s.id), site, rack);
    for (const line of this.#shelves) this.#tiles.get(line.id)?.update(line);
    for (const node of this.querySelectorAll(".rack, .site")) {
      const { site: of, rack: at } = /** @type {HTMLElement} */ (node).dataset;
      const its = this.#shelves.filter((s) => s.site === of && (!at || s.rack === at));
      if (at) node.className = `rack ${worstState(its)}`;
      else node.querySelector(".site-sum")?.replaceChildren(sum(its));
    }
  }

  /**
   * @param {string} site
   * @param {string} rack
   */
  #arrange(site, rack) {
    this.#tiles = new Map(this.#shelves.map((s) => [s.id, new Tile(s)]));
    this.#maps = new Map(this.#shelves.map((s) => s.site).map((name) => [name, new Site()]));
    this.#rack = rack;
    this.replaceChildren(...(this.#shelves.length === 0
      ? [el("p", { class: "calm" }, site ? "There is no such place, or nothing stands there." : "No shelf has reported yet.")]
      : grouped(this.#shelves, "site").map(([name, all]) => this.#site(name, all))));
  }

  /**
   * @param {string} site
   * @param {ShelfLine[]} shelves
   */
  #site(site, shelves) {
    return el("section", { class: "site", "data-site": site, "aria-label": `Site ${site}` },
      el("header", { class: "site-head" }, el("h2", {}, el("a", { href: linkTo({ site }) }, site)), el("p", { class: "muted site-sum" })),
      this.#maps.get(site),
      el("div", { class: "racks" }, ...grouped(shelves, "rack").map(([rack, its]) => this.#list(site, rack, its))));
  }

  /**
   * @param {string} site
   * @param {string} rack
   * @param {ShelfLine[]} shelves
   */
  #list(site, rack, shelves) {
    return el("section", { class: "rack", "data-site": site, "data-rack": rack, "aria-label": `Rack ${rack}` },
      el("h3", {}, el("a", { href: linkTo({ site, rack }) }, rack)),
      el("ol", {}, ...shelves.map((s) => el("li", {}, this.#tiles.get(s.id)?.link))));
  }
}

/** @param {ShelfLine[]} shelves */
function sum(shelves) {
  const trouble = shelves.filter((s) => s.state === "critical" || s.state === "warning").length;
  return [shelves.length === 1 ? "1 shelf" : `${shelves.length} shelves`, trouble ? `${trouble} in trouble` : ""].filter(Boolean).join(" · ");
}

/** A Tile is the link to one shelf. */
class Tile {
  #state = el("span", { class: "shelf-state" });
  #delta = el("span", { class: "num shelf-delta" });
  #worst = el("span", { class: "num shelf-worst" });
  #sign = el("span", { class: "shelf-sign" });
  link;

  /** @param {ShelfLine} shelf */
  constructor(shelf) {
    this.link = el("a", { class: "shelf", href: linkTo({ view: "shelf", shelf: shelf.id }) },
      this.#sign, el("span", { class: "shelf-id" }, shelf.shelf), this.#state, this.#delta, this.#worst);
  }

  /** @param {ShelfLine} s */
  update(s) {
    if (!this.link.classList.contains(s.state)) {
      this.link.className = `shelf ${s.state}`;
      this.#sign.replaceChildren(stateSign(s.state));
      this.#state.textContent = stateWords[s.state] ?? s.state;
    }
    this.#delta.textContent = s.delta_t === null ? "–" : `${fixed(s.delta_t)} K`;
    this.#worst.textContent = s.worst ? `Pi ${fixed(s.worst.value, 0)} °C` : "";
  }
}

customElements.define("tr-places", Places);
