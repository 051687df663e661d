// Alerts, pages, the banner of a page, the shelves, and what is unplaced.

import { ago, byId, clockTime, dayOf, el, svg, unlessSame, words } from "/assets/dom.js";

// Severity is told by shape and word too, never by colour alone.
const signs = {
  critical: "M10 1.500 18.500 10 10 18.500 1.500 10z",
  warning: "M10 2.500 18.500 17h-17z",
};

const sign = (severity) =>
  svg("svg", { viewBox: "0 0 20 20", width: 14, height: 14, class: "sign", "aria-hidden": "true" },
    svg("path", { d: signs[severity] ?? signs.warning, fill: "currentColor" }));

const placeOf = (a) => [`${a.site}/${a.rack}/${a.shelf}`, a.slot === null ? "" : `slot ${a.slot}`].filter(Boolean).join(", ");

const rank = (a) => (a.state === "firing" ? 0 : 2) + (a.severity === "critical" ? 0 : 1);

// Alerts shows them all, worst first; chosen is called with the one clicked.
export class Alerts {
  #chosen;
  #clock;
  #draw = unlessSame((alerts) => this.#list(alerts));

  constructor(clock, chosen) {
    this.#clock = clock;
    this.#chosen = chosen;
  }

  show(alerts) {
    this.#draw([...alerts].sort((a, b) => rank(a) - rank(b) || Date.parse(b.since) - Date.parse(a.since)));
    this.age();
  }

  // age writes anew how long the alerts have lasted.
  age() {
    for (const node of byId("alerts").querySelectorAll("time")) {
      node.textContent = ago(Date.parse(node.dateTime), this.#clock.now());
    }
  }

  #list(alerts) {
    const firing = alerts.filter((a) => a.state === "firing").length;
    byId("alerts-count").hidden = firing === 0;
    byId("alerts-count").textContent = `${firing} firing`;
    byId("alerts").replaceChildren(alerts.length === 0
      ? el("p", { class: "calm" }, "Nothing is wrong.")
      : el("ul", { class: "rows" }, ...alerts.map((a) => this.#row(a))));
    document.title = firing ? `(${firing}) thermarack` : "thermarack";
  }

  #row(a) {
    return el("li", { class: `row alert ${a.severity} ${a.state}` },
      el("button", { type: "button", onclick: () => this.#chosen(a) },
        sign(a.severity),
        el("span", { class: "row-title" }, words(a.alert)),
        el("span", { class: "row-side" }, a.state === "pending" ? "pending " : "", el("time", { datetime: a.since, class: "num" })),
        el("span", { class: "row-text" }, a.summary),
        el("span", { class: "row-place" }, el("span", { class: "hidden" }, `${a.severity}, `), placeOf(a))));
  }
}

const receiver = (page) => `${page.receiver} (${page.integration.replace(/\[0\]$/, "")})`;
const headline = (page) => (page.alerts[0] ?? "no summary") + (page.alerts.length > 1 ? ` and ${page.alerts.length - 1} more` : "");

// Pages shows what was sent, and announces what is new.
export class Pages {
  #newest = null; // sequence number of the last page seen; null before the first look
  #timer = 0;
  #draw = unlessSame((pages) => this.#list(pages));

  show(pages) {
    this.#draw(pages.slice(0, 8));
    const newest = Math.max(0, ...pages.map((p) => p.seq));
    const fresh = pages.filter((p) => this.#newest !== null && p.seq > this.#newest);
    this.#newest = newest;
    if (fresh.length > 0) this.#announce(fresh);
  }

  #list(pages) {
    byId("pages").replaceChildren(pages.length === 0
      ? el("p", { class: "calm" }, "None since the start.")
      : el("ul", { class: "rows" }, ...pages.map(pageRow)));
  }

  #announce(pages) {
    const page = pages.find((p) => p.status === "firing") ?? pages[0];
    const failed = page.error !== null;
    const close = el("button", { type: "button", class: "quiet", onclick: () => { byId("banner").hidden = true; } }, "Dismiss");
    byId("banner").className = `banner ${failed ? "failed" : page.status}`;
    byId("banner").replaceChildren(envelope(),
      el("p", {},
        el("strong", {}, failed ? "Page not delivered" : page.status === "resolved" ? "Resolved" : "Page sent"),
        ` ${headline(page)} → ${receiver(page)}`, el("time", { datetime: page.t, class: "num" }, clockTime(new Date(page.t)))),
      close);
    byId("banner").hidden = false;
    clearTimeout(this.#timer);
    if (!failed) this.#timer = setTimeout(() => { byId("banner").hidden = true; }, 45000);
  }
}

function pageRow(page) {
  const sent = new Date(page.t);
  const state = page.error !== null ? "failed" : page.status;
  const word = page.error !== null ? `not delivered, tried ${page.attempts}×: ${page.error}` : page.status === "resolved" ? "resolved" : "";
  return el("li", { class: `row page ${state}` },
    el("div", {},
      envelope(),
      el("span", { class: "row-title" }, `→ ${receiver(page)}`),
      el("span", { class: "row-side" }, el("time", { datetime: page.t, class: "num", title: `${dayOf(sent)}, wall time` }, clockTime(sent))),
      el("span", { class: "row-text" }, headline(page)),
      word ? el("span", { class: "row-place" }, word) : null));
}

const envelope = () =>
  svg("svg", { viewBox: "0 0 20 20", width: 14, height: 14, class: "sign", "aria-hidden": "true" },
    svg("path", { d: "M1.500 4h17v12h-17z M1.500 4.500 10 11l8.500-6.500", fill: "none", stroke: "currentColor", "stroke-width": 1.7, "stroke-linejoin": "round" }));

const states = { ok: "ok", warning: "warning", critical: "critical", unknown: "no data" };

// drawShelves lists the shelves when there is more than one.
export const drawShelves = unlessSame((shelves, current) => {
  const nav = byId("shelves");
  nav.hidden = shelves.length < 2;
  nav.replaceChildren(...shelves.map((s) => el("a", { href: `#${s.id}`, class: `shelf ${s.state}`, "aria-current": s.id === current ? "true" : null },
    el("span", { class: "dot", "aria-hidden": "true" }),
    el("span", { class: "shelf-id" }, s.id),
    el("span", { class: "num" }, s.delta_t === null ? states[s.state] ?? s.state : `${s.delta_t.toFixed(1)} K`),
    el("span", { class: "hidden" }, states[s.state] ?? s.state))));
});

const portName = (p) => `port ${p.port ?? p.name} of ${p.switch}`;

const unplacedWords = (u) =>
  ` ${u.why}${u.site ? `, site ${u.site}` : ""}${u.sensor ? `, read by ${u.node}` : ""}${u.port ? `, seen on ${portName(u.port)}` : ""}`;

const count = (n, one) => (n === 0 ? "" : `${n} ${one}${n === 1 ? "" : "s"}`);

// drawUnplaced says what stands nowhere and what contradicts what, and offers a
// layout where there is none.
export const drawUnplaced = unlessSame((unplaced, conflicts, provisional) => {
  const notice = byId("notice");
  const nodes = unplaced.filter((u) => u.sensor === null).length;
  notice.hidden = unplaced.length + conflicts.length === 0;
  const what = [count(nodes, "node"), count(unplaced.length - nodes, "sensor")].filter(Boolean).join(" and ");
  const sentence = provisional ? `There is no layout yet: ${what} stand in a provisional grid.` : what && `Not in the layout: ${what}.`;
  const doubt = conflicts.length ? `${count(conflicts.length, "contradiction")} about where Pis stand.` : "";
  notice.replaceChildren(
    el("p", {}, [sentence, doubt].filter(Boolean).join(" ")),
    provisional ? el("a", { href: "/api/v1/layout.yaml", download: "layout.yaml" }, "Download a layout to start from") : null,
    el("details", {}, el("summary", {}, "Which"),
      el("ul", {},
        ...conflicts.slice(0, 200).map((c) => el("li", {}, c.why)),
        ...unplaced.slice(0, 200).map((u) => el("li", {}, el("code", {}, u.sensor ?? u.node), unplacedWords(u))))));
});
