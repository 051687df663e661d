// The dashboard: what is shown, and when it is asked for again.

import { byId, choose, hear, inputById, onChoice, selectById } from "./dom.js";
import { calmly, getJSON, query, shelfPath, stamp } from "./api.js";
import { Clock, runClock, runTheme, showCrumbs, showLink } from "./bar.js";
import { Address, layers } from "./route.js";
import { drawTwin } from "./twin.js";
import { drawNotice } from "./notice.js";
import { Kiosk, nextShelf } from "./kiosk.js";
import { ago, clockSecond, dayOf, lasting } from "./words.js";
import "./alerts.js";
import "./figures.js";
import "./fleet.js";
import "./history.js";
import "./map.js";
import "./pages.js";
import "./places.js";
import "./player.js";

/**
 * @typedef {import("./types.js").Alert} Alert
 * @typedef {import("./types.js").Palette} Palette
 * @typedef {import("./types.js").Shelf} Shelf
 * @typedef {import("./types.js").ShelfLine} ShelfLine
 */

const parts = {
  map: /** @type {import("./map.js").ShelfMap} */ (byId("map")),
  figures: /** @type {import("./figures.js").Figures} */ (byId("figures")),
  alerts: /** @type {import("./alerts.js").Alerts} */ (byId("alerts")),
  pages: /** @type {import("./pages.js").Pages} */ (byId("pages")),
  places: /** @type {import("./places.js").Places} */ (byId("places")),
  fleet: /** @type {import("./fleet.js").Fleet} */ (byId("fleet")),
  history: /** @type {import("./history.js").History} */ (byId("history")),
  player: /** @type {import("./player.js").Player} */ (byId("player")),
  before: /** @type {import("./map.js").ShelfMap} */ (byId("before")),
};

const clock = new Clock();
const address = new Address(() => follow());
const kiosk = new Kiosk(() => {
  shown.turn = nextShelf(shown.shelves, shown.shelf);
  follow();
});

const shown = {
  shelf: "", // "" while it is places or the fleet
  turn: "", // the shelf whose turn it is in a kiosk
  /** @type {ShelfLine[]} */
  shelves: [],
  /** @type {Shelf | null} */
  doc: null,
  /** @type {EventSource | null} */
  stream: null,
  streamed: "",
  demo: false,
  asked: false, // whether the shelves are known
};

/**
 * asking wraps a task: its failure shows in the bar, and the next change tries
 * again.
 * @param {number} pause in ms
 * @param {() => Promise<void>} task
 */
const asking = (pause, task) => calmly(pause, async () => {
  try {
    await task();
  } catch (err) {
    const lost = !(err instanceof Error) || err.name === "TypeError" || err.name === "TimeoutError";
    showLink("offline", lost ? "no connection" : err.message);
  }
});

const refreshShelves = asking(2000, async () => {
  shown.shelves = (await getJSON("/api/v1/shelves")).shelves;
  shown.asked = true;
  follow();
  refreshPlaces();
});

const refreshPlaces = asking(1000, async () => {
  if (!parts.places.hidden) await parts.places.load(address.route.layer, taste().palette);
});

const refreshMap = asking(200, async () => {
  const { shelf } = shown;
  if (!shelf) return;
  const { layer, at } = address.route;
  await parts.map.load(shelf, { layer, at, ...taste() });
  if (byId("twin").hasAttribute("open")) {
    drawTwin(await getJSON(`${shelfPath(shelf)}/heatmap.json${query({ layer, at: stamp(at) })}`));
  }
});

const refreshBefore = asking(400, async () => {
  const { before, layer } = address.route;
  if (shown.shelf && before !== null) await parts.before.load(shown.shelf, { layer, at: before, ...taste() });
});

const refreshPlayer = asking(0, async () => {
  const { from, to, at, before, layer } = address.route;
  const open = shown.shelf !== "" && from !== null && to !== null && from < to;
  parts.player.hidden = !open;
  byId("play-offer").hidden = open;
  if (open) await parts.player.open({ shelf: shown.shelf, from, to, layer, palette: taste().palette }, at, before);
  else parts.player.close();
});

const refreshShelf = asking(200, async () => {
  const { shelf } = shown;
  if (!shelf) return;
  const { at } = address.route;
  /** @type {Shelf} */
  const doc = await getJSON(shelfPath(shelf) + query({ at: stamp(at) }));
  if (doc.id !== shown.shelf || at !== address.route.at) return; // chosen anew meanwhile
  const first = shown.doc === null;
  shown.doc = doc;
  parts.map.describe(doc);
  parts.figures.show(doc);
  describe(doc);
  refreshHistory(first ? "now" : undefined);
});

const refreshHistory = asking(5000, async () => {
  await clock.known;
  const { part, at, kiosk: wall } = address.route;
  if (shown.doc && !wall) await parts.history.load(shown.doc, part, at);
});

const refreshAlerts = asking(400, async () => {
  /** @type {Alert[]} */
  const alerts = (await getJSON("/api/v1/alerts")).alerts;
  parts.alerts.show(alerts);
  const firing = alerts.filter((a) => a.state === "firing").length;
  byId("alerts-count").hidden = firing === 0;
  byId("alerts-count").textContent = `${firing} firing`;
  document.title = firing ? `(${firing}) thermarack` : "thermarack";
});

const refreshPages = asking(400, async () => parts.pages.show((await getJSON("/api/v1/pages")).pages));

const refreshFleet = asking(5000, async () => {
  const { unplaced, conflicts } = await getJSON("/api/v1/unplaced");
  drawNotice(unplaced, conflicts ?? [], shown.shelves.some((s) => s.rack === "provisional"));
  if (address.route.view !== "fleet") return;
  parts.fleet.show((await getJSON("/api/v1/nodes")).nodes, conflicts ?? []);
});

/** taste is how the reader likes a map: kept by the browser, not in links. */
const taste = () => ({
  palette: /** @type {Palette} */ (selectById("palette").value),
  numbers: inputById("numbers").checked,
});

/** @param {Shelf} doc */
function describe(doc) {
  const filled = doc.slots.filter((s) => s.node || s.soc !== null || s.power !== null);
  const silent = filled.filter((s) => s.state !== "fresh").length;
  const newest = [...doc.slots.map((s) => s.seen), ...doc.probes.map((p) => p.t)].filter((t) => t !== null).sort().at(-1);
  byId("shelf-line").textContent = [
    `${filled.length} Pis`,
    silent ? `${silent} silent` : "",
    `${doc.probes.length} probes`,
    newest ? `newest value ${ago(newest, Date.parse(doc.t))} old` : "no values yet",
  ].filter(Boolean).join(" · ");
}

/**
 * shelfFor is the shelf that an address means: a kiosk's is the one whose turn
 * it is, and where there is only one there is nothing to choose from.
 * @param {import("./route.js").Route} route
 */
function shelfFor(route) {
  if (route.shelf) return route.shelf;
  if (route.kiosk) return shown.shelves.some((s) => s.id === shown.turn) ? shown.turn : nextShelf(shown.shelves, "");
  const only = shown.shelves.length === 1 ? shown.shelves[0] : undefined;
  return route.view === "places" && !route.site && only ? only.id : "";
}

/** follow shows what the address says. */
function follow() {
  const route = address.route;
  const shelf = shelfFor(route);
  if (!shelf && !shown.asked && route.view === "places") return; // it may be the only shelf
  const view = route.view === "fleet" ? "fleet" : shelf ? "shelf" : "places";
  const changed = shelf !== shown.shelf;
  shown.shelf = shelf;
  kiosk.follow(route, shown.shelves.length);
  showView(view);
  choose("layers", route.layer);
  showCrumbs(wayTo(view, route, shelf));
  showPast(route);
  if (view === "places") parts.places.show(shown.shelves, route.site, route.rack);
  if (changed) {
    shown.doc = null;
    byId("shelf-name").textContent = shelf;
    parts.map.clear();
  }
  listen();
  const now = JSON.stringify([shelf, view, { ...route, kiosk: 0, every: 0 }, taste().palette]);
  if (now === followed) return;
  followed = now;
  for (const refresh of [refreshMap, refreshShelf, refreshHistory, refreshFleet, refreshBefore, refreshPlayer, refreshPlaces]) refresh("now");
}
let followed = "";

/** @param {"places" | "shelf" | "fleet"} view */
function showView(view) {
  byId("main").dataset["view"] = view;
  for (const id of ["stage", "figures-card", "history-card"]) byId(id).hidden = view !== "shelf";
  parts.places.hidden = view !== "places";
  byId("side").hidden = view === "fleet";
  byId("fleet-card").hidden = view !== "fleet";
  byId("to-fleet").toggleAttribute("aria-current", view === "fleet");
}

/**
 * showPast says that the map is not of now, and what it is compared with.
 * @param {import("./route.js").Route} route
 */
function showPast({ at, from, before }) {
  byId("past").hidden = at === null || from !== null; // the player says it too
  if (at !== null) byId("past-text").textContent = `${dayOf(at)} ${clockSecond(at)}, ${lasting(clock.now() - at)} ago`;
  byId("alerts-now").hidden = at === null;
  byId("before-side").hidden = before === null;
  byId("pair").classList.toggle("two", before !== null);
  if (before !== null) byId("before-time").textContent = `${dayOf(before)} ${clockSecond(before)}`;
}

/**
 * @param {"places" | "shelf" | "fleet"} view
 * @param {import("./route.js").Route} route
 * @param {string} shelf
 */
function wayTo(view, route, shelf) {
  if (view === "fleet") return [];
  return view === "shelf" ? shelf.split("/") : [route.site, route.rack].filter(Boolean);
}

/** @param {Alert} a */
function openAlert(a) {
  address.go({ view: "shelf", shelf: `${a.site}/${a.rack}/${a.shelf}`, at: null, part: a.slot === null ? null : { kind: "slot", name: String(a.slot) } });
}

/**
 * listen follows the changes of what is shown, and of all alerts and pages. The
 * browser reconnects by itself; then everything is asked for again.
 */
function listen() {
  const about = shown.shelf ? query({ shelf: shown.shelf }) : "";
  if (shown.stream && shown.stream.readyState !== EventSource.CLOSED && shown.streamed === about) return;
  shown.stream?.close();
  shown.streamed = about;
  const stream = new EventSource(`/api/v1/events${about}`);
  shown.stream = stream;
  stream.addEventListener("open", () => refreshAll());
  stream.addEventListener("shelf", () => {
    if (!shown.shelf) { refreshShelves(); refreshPlaces(); }
    else if (address.route.at === null) changed();
  });
  stream.addEventListener("alerts", () => { refreshAlerts(); refreshShelves(); changed(); });
  stream.addEventListener("page", () => refreshPages());
  stream.addEventListener("error", () => {
    showLink("offline", "disconnected, trying again");
    // After an answer that was not a stream the browser gives up. The layout may
    // have lost the shelf meanwhile.
    if (stream === shown.stream && stream.readyState === EventSource.CLOSED) setTimeout(() => refreshShelves(), 5000);
  });
}

/** changed asks again for the shelf that is shown, unless that is the past. */
function changed() {
  if (address.route.at !== null) return;
  refreshMap();
  refreshShelf();
}

function refreshAll() {
  checkLink();
  for (const refresh of [refreshShelves, refreshMap, refreshShelf, refreshAlerts, refreshPages, refreshFleet]) refresh();
}

/** checkLink asks for the time: who can tell it is there. */
const checkLink = asking(1000, async () => {
  ({ demo: shown.demo } = await clock.sync());
  const speed = clock.speed === 1 ? "" : ` × ${+clock.speed.toFixed(1)}`;
  const word = shown.demo ? "demo" : "live";
  if (shown.stream?.readyState === EventSource.OPEN) showLink(word, word + speed);
});

/** keepTaste remembers how the reader likes maps. */
function keepTaste() {
  const palette = selectById("palette");
  const numbers = inputById("numbers");
  const kept = localStorage.getItem("palette");
  if ([...palette.options].some((o) => o.value === kept)) palette.value = kept ?? palette.value;
  numbers.checked = localStorage.getItem("numbers") === "true";
  palette.addEventListener("change", () => { localStorage.setItem("palette", palette.value); follow(); });
  numbers.addEventListener("change", () => { localStorage.setItem("numbers", String(numbers.checked)); refreshMap("now"); refreshBefore("now"); });
}

function wire() {
  const now = () => clock.now();
  parts.alerts.now = parts.fleet.now = parts.history.now = now;
  parts.map.now = () => address.route.at ?? clock.now();
  hear(parts.map, "pick", (part) => {
    address.go({ view: "shelf", shelf: shown.shelf, part });
    byId("chart").scrollIntoView({ block: "nearest" });
  });
  hear(parts.alerts, "choose", openAlert);
  hear(parts.history, "part", (part) => address.go({ view: "shelf", shelf: shown.shelf, part }));
  hear(parts.history, "moment", (at) => address.go({ view: "shelf", shelf: shown.shelf, at: at < clock.now() ? Math.round(at / 1000) * 1000 : null }));
  wirePlayer();
  parts.history.again = () => refreshHistory("now");
  onChoice("layers", (value) => {
    const layer = layers.find((l) => l === value);
    if (layer) address.go({ layer }, "replace");
  });
  byId("to-now").addEventListener("click", () => address.go({ at: null }));
  byId("twin").addEventListener("toggle", () => refreshMap("now"));
}

function wirePlayer() {
  byId("play-open").addEventListener("click", () => {
    const to = address.route.at ?? Math.floor(clock.now() / 1000) * 1000;
    const from = to - Number(selectById("play-span").value) * 3_600_000;
    address.go({ view: "shelf", shelf: shown.shelf, from, to, at: from });
  });
  hear(parts.player, "frame", ({ frame, scale }) => {
    parts.map.roll(frame, scale);
    if (frame) parts.figures.roll(frame);
  });
  hear(parts.player, "moment", (at) => {
    parts.map.rest();
    address.go({ at }, "replace");
    refreshMap("now"); // also when it is the same moment
  });
  hear(parts.player, "before", (before) => address.go({ before }, "replace"));
  hear(parts.player, "close", () => {
    parts.map.rest();
    address.go({ from: null, to: null, at: null, before: null });
  });
}

function start() {
  runTheme(() => { for (const refresh of [refreshMap, refreshHistory, refreshBefore, refreshPlaces]) refresh("now"); follow(); });
  runClock(clock);
  keepTaste();
  wire();
  follow();
  for (const refresh of [checkLink, refreshShelves, refreshAlerts, refreshPages, refreshFleet]) refresh();
  setInterval(() => { parts.alerts.age(); showPast(address.route); }, 1000);
  setInterval(() => refreshShelves(), 5000);
  setInterval(() => { checkLink(); refreshFleet(); }, 20_000);
}

start();
