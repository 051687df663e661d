// The dashboard: what is shown, and when it is asked for again.

import { ago, byId } from "/assets/dom.js";
import { calmly, getJSON, shelfPath } from "/assets/api.js";
import { Clock, runClock, runTheme, showLink } from "/assets/bar.js";
import { ShelfMap, drawTwin } from "/assets/map.js";
import { Figures } from "/assets/figures.js";
import { Alerts, Pages, drawShelves, drawUnplaced } from "/assets/panels.js";
import { Fleet } from "/assets/fleet.js";
import { History } from "/assets/history.js";

const clock = new Clock();
const shown = { shelf: "", layer: "air", slot: 0, shelves: [], doc: null };
let demo = false;
let stream = null;

const map = new ShelfMap(clock, (slot) => pickSlot(slot));
const figures = new Figures();
const alerts = new Alerts(clock, (a) => openAlert(a));
const pages = new Pages();
const fleet = new Fleet(clock);
const history = new History(clock, () => pickSlot(0));

// asking wraps a task: its failure shows in the bar, and the next change tries
// again.
const asking = (pause, task) => calmly(pause, async () => {
  try {
    await task();
  } catch (err) {
    showLink("offline", err.name === "TypeError" || err.name === "TimeoutError" ? "no connection" : err.message);
  }
});

const refreshShelves = asking(2000, async () => {
  shown.shelves = (await getJSON("/api/v1/shelves")).shelves;
  if (!shown.shelves.some((s) => s.id === shown.shelf)) chooseShelf();
  drawShelves(shown.shelves, shown.shelf);
});

const refreshMap = asking(400, async () => {
  if (!shown.shelf) return;
  const wanted = shown.shelf;
  await map.load(wanted, shown.layer);
  if (byId("twin").open) drawTwin(await getJSON(`${shelfPath(wanted)}/heatmap.json?layer=${shown.layer}`));
});

const refreshShelf = asking(400, async () => {
  if (!shown.shelf) return;
  const doc = await getJSON(shelfPath(shown.shelf));
  if (doc.id !== shown.shelf) return; // chosen anew meanwhile
  const first = shown.doc === null;
  shown.doc = doc;
  map.describe(doc);
  figures.show(doc);
  describe(doc);
  refreshHistory(first ? "now" : "");
});

const refreshHistory = asking(5000, async () => {
  if (shown.doc) await history.load(shown.doc, shown.slot);
});

const refreshAlerts = asking(400, async () => alerts.show((await getJSON("/api/v1/alerts")).alerts));
const refreshPages = asking(400, async () => pages.show((await getJSON("/api/v1/pages")).pages));

const refreshFleet = asking(5000, async () => {
  const [{ nodes }, { unplaced, conflicts }] = await Promise.all([getJSON("/api/v1/nodes"), getJSON("/api/v1/unplaced")]);
  fleet.show(nodes);
  drawUnplaced(unplaced, conflicts, shown.shelves.some((s) => s.rack === "provisional"));
});

function describe(doc) {
  byId("shelf-name").textContent = doc.id;
  const filled = doc.slots.filter((s) => s.node || s.soc !== null || s.power !== null);
  const silent = filled.filter((s) => s.state !== "fresh").length;
  const newest = Math.max(...[...doc.slots.map((s) => s.seen), ...doc.probes.map((p) => p.t)].filter(Boolean).map((t) => Date.parse(t)), 0);
  byId("shelf-line").textContent = [
    `${filled.length} Pis`,
    silent ? `${silent} silent` : "",
    `${doc.probes.length} probes`,
    newest ? `newest value ${ago(newest, Date.parse(doc.t))} old` : "no values yet",
  ].filter(Boolean).join(" · ");
}

// chooseShelf shows the shelf that the address names, else the worst.
function chooseShelf() {
  const named = decodeURIComponent(location.hash.slice(1));
  const order = ["critical", "warning", "ok", "unknown"];
  const worst = [...shown.shelves].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state))[0];
  const next = shown.shelves.find((s) => s.id === named) ?? worst;
  if (!next || next.id === shown.shelf) return;
  Object.assign(shown, { shelf: next.id, slot: 0, doc: null });
  byId("shelf-name").textContent = next.id;
  map.clear();
  drawShelves(shown.shelves, shown.shelf);
  listen();
  refreshMap("now");
  refreshShelf("now");
}

function pickSlot(slot) {
  shown.slot = slot;
  refreshHistory("now");
  if (slot) byId("chart").scrollIntoView({ block: "nearest" });
}

function openAlert(a) {
  location.hash = `${a.site}/${a.rack}/${a.shelf}`;
  chooseShelf();
  if (a.slot !== null) pickSlot(a.slot);
}

// listen follows the changes of the shelf that is shown, and of all alerts and
// pages. The browser reconnects by itself; then everything is asked for again.
function listen() {
  stream?.close();
  stream = new EventSource(`/api/v1/events?shelf=${encodeURIComponent(shown.shelf)}`);
  stream.addEventListener("open", () => refreshAll());
  stream.addEventListener("shelf", () => { refreshMap(); refreshShelf(); });
  stream.addEventListener("alerts", () => { refreshAlerts(); refreshShelves(); refreshShelf(); refreshMap(); });
  stream.addEventListener("page", () => refreshPages());
  stream.addEventListener("error", () => {
    showLink("offline", "disconnected, trying again");
    // After an answer that was not a stream the browser gives up. The layout may
    // have lost the shelf meanwhile.
    if (stream.readyState === EventSource.CLOSED) setTimeout(() => { refreshShelves(); listen(); }, 5000);
  });
}

function refreshAll() {
  checkLink();
  for (const refresh of [refreshShelves, refreshMap, refreshShelf, refreshAlerts, refreshPages, refreshFleet]) refresh();
}

// checkLink asks for the time: who can tell it is there.
const checkLink = asking(1000, async () => {
  ({ demo } = await clock.sync());
  const speed = clock.speed === 1 ? "" : ` × ${+clock.speed.toFixed(1)}`;
  if (stream?.readyState === EventSource.OPEN) showLink(demo ? "demo" : "live", demo ? `demo${speed}` : `live${speed}`);
});

function start() {
  runTheme(() => refreshMap("now"));
  runClock(clock);
  for (const input of byId("layers").querySelectorAll("input")) {
    input.addEventListener("change", () => { shown.layer = input.value; refreshMap("now"); });
  }
  for (const input of byId("spans").querySelectorAll("input")) {
    input.addEventListener("change", () => { history.hours = Number(input.value); refreshHistory("now"); });
  }
  byId("twin").addEventListener("toggle", () => refreshMap("now"));
  addEventListener("hashchange", chooseShelf);
  checkLink();
  for (const refresh of [refreshShelves, refreshAlerts, refreshPages, refreshFleet]) refresh();
  setInterval(() => alerts.age(), 1000);
  setInterval(() => { if (shown.shelves.length !== 1) refreshShelves(); }, 5000);
  setInterval(() => { checkLink(); refreshFleet(); }, 20000);
}

start();
