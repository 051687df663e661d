// The table of all nodes.

import { ago, byId, el, unlessSame } from "/assets/dom.js";

const shown = 500; // rows; who has more looks for them

const placeOf = (n) => (n.switch !== null ? `switch ${n.switch}` : n.shelf === null ? "unplaced" : n.slot === null ? n.shelf : `${n.shelf}, slot ${n.slot}`);

function order(a, b) {
  if ((a.shelf === null) !== (b.shelf === null)) return a.shelf === null ? -1 : 1;
  return (a.shelf ?? "").localeCompare(b.shelf ?? "") || (a.slot ?? 0) - (b.slot ?? 0) || a.node.localeCompare(b.node);
}

export class Fleet {
  #clock;
  #nodes = [];
  #draw = unlessSame((nodes, total) => this.#table(nodes, total));

  constructor(clock) {
    this.#clock = clock;
    byId("fleet-find").addEventListener("input", () => this.#filter());
  }

  show(nodes) {
    this.#nodes = [...nodes].sort(order);
    this.#filter();
  }

  #filter() {
    const wanted = byId("fleet-find").value.trim().toLowerCase();
    const fits = (n) => [n.node, placeOf(n), n.model, n.agent, ...n.addresses].some((text) => text?.toLowerCase().includes(wanted));
    const found = wanted === "" ? this.#nodes : this.#nodes.filter(fits);
    this.#draw(found.slice(0, shown), found.length);
    for (const cell of byId("fleet").querySelectorAll("time")) {
      cell.textContent = ago(Date.parse(cell.dateTime), this.#clock.now());
    }
  }

  #table(nodes, total) {
    const online = this.#nodes.filter((n) => n.online).length;
    byId("fleet-count").textContent = `${online} of ${this.#nodes.length} online`;
    const heads = ["Node", "Place", "Model", "Agent", "Address", "Seen", "Rejected samples"];
    byId("fleet").replaceChildren(
      el("thead", {}, el("tr", {}, ...heads.map((head, i) => el("th", { scope: "col", class: i === 5 ? "num" : null }, head)))),
      el("tbody", {}, ...nodes.map(rowOf),
        total > nodes.length ? el("tr", {}, el("td", { colspan: heads.length, class: "muted" }, `and ${total - nodes.length} more`)) : null));
  }
}

function rowOf(n) {
  const rejected = Object.entries(n.rejected).map(([reason, count]) => `${reason} ${count}`).join(", ");
  const online = n.online === null ? "unknown" : n.online ? "ok" : "off";
  return el("tr", {},
    el("th", { scope: "row" }, el("span", { class: `dot ${online}`, "aria-hidden": "true" }), el("code", {}, n.node),
      el("span", { class: "hidden" }, n.online ? " online" : " not online")),
    el("td", { class: n.shelf === null ? "warn" : null }, placeOf(n)),
    el("td", {}, n.model ?? "–"),
    el("td", {}, n.agent ?? "–"),
    el("td", {}, n.addresses[0] ?? "–"),
    el("td", { class: "num" }, n.seen === null ? "never" : el("time", { datetime: n.seen })),
    el("td", { class: rejected ? "warn" : "muted" }, rejected || "none"));
}
