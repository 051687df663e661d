// The map of one shelf: the collector's SVG, with a tooltip and keys.

import { ago, byId, el, fixed } from "/assets/dom.js";
import { getText, shelfPath } from "/assets/api.js";
import { isDark } from "/assets/bar.js";

// Widths asked for, so that many viewers share one picture.
const widths = [360, 560, 760, 960, 1280, 1600];

export class ShelfMap {
  #host = byId("map");
  #tip = byId("tip");
  #ring = el("div", { class: "ring", hidden: true });
  #clock;
  #picked;
  #shelf = null; // the shelf's document
  #at = ""; // selector of what is under the pointer or the keys
  #shown = ""; // text of the picture, so that the same one is not put in again

  // picked is called with the number of a slot that was chosen.
  constructor(clock, picked) {
    this.#clock = clock;
    this.#picked = picked;
    const host = this.#host;
    host.addEventListener("pointermove", (e) => this.#point(selectorOf(e.target)));
    host.addEventListener("pointerleave", () => this.#point(""));
    host.addEventListener("click", (e) => this.#pick(slotIn(selectorOf(e.target))));
    host.addEventListener("keydown", (e) => this.#key(e));
    host.addEventListener("focus", () => { if (host.matches(":focus-visible")) this.#say(slotIn(this.#at) || 1); });
    host.addEventListener("blur", () => this.#point(""));
    addEventListener("scroll", () => this.#place(), { passive: true });
    new ResizeObserver(() => this.#place()).observe(host);
  }

  // load fetches and shows the picture of a shelf's layer.
  async load(shelf, layer) {
    const room = this.#host.clientWidth || 960;
    const width = widths.find((w) => w >= room) ?? widths.at(-1);
    const theme = isDark() ? "dark" : "light";
    const text = await getText(`${shelfPath(shelf)}/heatmap.svg?layer=${layer}&width=${width}&theme=${theme}&palette=inferno`);
    if (text === this.#shown) return;
    this.#swap(text);
    this.#shown = text;
  }

  // describe takes the shelf's document, which the tooltip reads from.
  describe(shelf) {
    this.#shelf = shelf;
    this.#place();
  }

  clear() {
    this.#shelf = null;
    this.#shown = "";
    this.#point("");
    this.#host.replaceChildren(el("p", { class: "map-wait muted" }, "Waiting for the map…"));
  }

  // swap puts a picture in place of the last one in one step. Its titles become
  // our tooltips, for the browser's own come late and in another look.
  #swap(text) {
    const picture = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
    if (picture.nodeName !== "svg") throw new Error("the map is no SVG");
    for (const node of picture.querySelectorAll("script, foreignObject")) node.remove();
    for (const title of picture.querySelectorAll("title")) {
      title.parentNode.setAttribute(title.parentNode === picture ? "aria-label" : "data-title", title.textContent);
      title.remove();
    }
    this.#host.replaceChildren(document.adoptNode(picture), this.#ring);
    this.#place();
  }

  #point(selector) {
    this.#at = selector;
    this.#place();
  }

  // say points at a slot by keys, aloud for who cannot see it.
  #say(slot) {
    this.#point(selectorFor(slot));
    byId("map-said").textContent = slotLines(this.#shelf, slot, this.#clock.now()).join(", ");
  }

  #lines(node) {
    const slot = slotIn(this.#at);
    return slot ? slotLines(this.#shelf, slot, this.#clock.now()) : (node.dataset.title ?? "").split("\n").filter(Boolean);
  }

  // place moves the ring and the tooltip to what is pointed at.
  #place() {
    const node = this.#at && this.#host.querySelector(this.#at);
    const text = node ? this.#lines(node) : [];
    this.#tip.hidden = text.length === 0;
    this.#ring.hidden = text.length === 0 || !slotIn(this.#at);
    if (text.length === 0) return;
    const box = node.getBoundingClientRect();
    const host = this.#host.getBoundingClientRect();
    move(this.#ring, { left: box.left - host.left, top: box.top - host.top, width: box.width, height: box.height });
    const [title, ...rest] = text;
    this.#tip.replaceChildren(el("strong", {}, title), ...rest.map((line) => el("span", {}, line)));
    const tip = this.#tip.getBoundingClientRect();
    const left = Math.min(Math.max(8, box.left + box.width / 2 - tip.width / 2), innerWidth - tip.width - 8);
    const above = box.top - tip.height - 10;
    move(this.#tip, { left, top: above > 8 ? above : box.bottom + 10 });
  }

  #pick(slot) {
    if (slot) this.#picked(slot);
  }

  #key(event) {
    if (!this.#shelf) return;
    const { columns, depth } = this.#shelf;
    const slot = slotIn(this.#at) || 1;
    // The cold aisle, where slot 1 is, is at the bottom.
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: columns, ArrowDown: -columns }[event.key];
    if (step) {
      const next = slot + step;
      const sameRow = Math.abs(step) !== 1 || Math.floor((next - 1) / columns) === Math.floor((slot - 1) / columns);
      if (next >= 1 && next <= columns * depth && (sameRow || columns === 1)) this.#say(next);
      event.preventDefault();
    } else if (event.key === "Enter") {
      this.#pick(slot);
    } else if (event.key === "Escape") {
      this.#point("");
    }
  }
}

const selectorFor = (slot) => `[data-slot="${slot}"]`;
const slotIn = (selector) => Number(/^\[data-slot="(\d+)"\]$/.exec(selector)?.[1] ?? 0);

// selectorOf names the slot, probe or fan that a node of the map belongs to, so
// that it is found again in the next picture.
function selectorOf(node) {
  const { slot, probe, fan } = node.closest?.("[data-slot], [data-probe], [data-fan]")?.dataset ?? {};
  if (slot) return selectorFor(slot);
  if (probe) return `[data-probe="${CSS.escape(probe)}"]`;
  return fan ? `[data-fan="${CSS.escape(fan)}"]` : "";
}

function move(node, box) {
  for (const [side, px] of Object.entries(box)) node.style.setProperty(side, `${px}px`);
}

// slotLines says what is known of a slot; nothing when there is no such slot.
function slotLines(shelf, number, now) {
  const slot = shelf?.slots[number - 1];
  if (!slot) return [];
  if (!slot.node && slot.soc === null && slot.power === null) return [`Slot ${number}`, "empty"];
  const text = [`Slot ${number}`];
  const age = slot.state === "fresh" ? "" : `, ${slot.state}`;
  if (slot.soc !== null) text.push(`${fixed(slot.soc)} °C processor${age}`);
  else text.push("no processor temperature");
  if (slot.power !== null) text.push(`${fixed(slot.power)} W`);
  if (slot.fault) text.push(`last sample rejected: ${slot.fault}`);
  if (slot.node) text.push(slot.node);
  text.push(slot.seen ? `seen ${ago(Date.parse(slot.seen), now)} ago` : "never seen");
  return text;
}

// drawTwin writes a layer as a table, hot row first as on the map.
export function drawTwin(map) {
  const unit = map.layer === "poe" ? "W" : "°C";
  const columns = Array.from({ length: map.columns }, (_, i) => i);
  const rows = Array.from({ length: map.depth }, (_, i) => map.depth - 1 - i);
  byId("twin-table").replaceChildren(
    el("caption", {}, `${map.shelf}, ${map.layer}, ${unit}. The first row is the hot side, the last the cold aisle.`),
    el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Row"), ...columns.map((c) => el("th", { scope: "col", class: "num" }, `${c + 1}`)))),
    el("tbody", {}, ...rows.map((r) => el("tr", {},
      el("th", { scope: "row" }, r === map.depth - 1 ? "hot" : r === 0 ? "cold" : `${r + 1}`),
      ...columns.map((c) => cellOf(map.cells[r * map.columns + c])))))
  );
}

const cellOf = (cell) =>
  el("td", { class: `num ${cell.source}`, title: `slot ${cell.slot}, ${cell.source}` }, fixed(cell.value));
