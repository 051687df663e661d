// What the page shows, as its address says it. The address is the only place
// where that is kept: back, forward, reload and a link sent to a colleague show
// the same.

/**
 * @typedef {import("./types.js").Layer} Layer
 * @typedef {import("./types.js").Part} Part
 *
 * @typedef {object} Route
 * @property {"places" | "shelf" | "fleet"} view
 * @property {string} site of the places; "" for all
 * @property {string} rack of the places; "" for all of the site
 * @property {string} shelf id such as hex/a1/s3; "" unless view is shelf
 * @property {number | null} at ms; null is live
 * @property {number | null} before ms; the moment to compare with, null for none
 * @property {number | null} from ms; where a playback begins, null without one
 * @property {number | null} to ms; where it ends
 * @property {Layer} layer
 * @property {Part | null} part whose history is shown; null is the air's
 * @property {boolean} kiosk
 * @property {number} every s for which a kiosk shows a shelf
 */

/** @type {Layer[]} */
export const layers = ["air", "soc", "poe", "delta", "excess"];

const kioskSeconds = 20;

/** @type {Route} */
const nothing = {
  view: "places", site: "", rack: "", shelf: "", at: null, before: null, from: null, to: null,
  layer: "air", part: null, kiosk: false, every: kioskSeconds,
};

/**
 * moment reads a time as people and other programs write it into a link; null
 * when it is none.
 * @param {string | null} text
 */
function moment(text) {
  if (!text) return null;
  const t = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text.replace(" ", "+"));
  return Number.isFinite(t) ? t : null;
}

/**
 * @param {string | null} text such as slot/17
 * @returns {Part | null}
 */
function parsePart(text) {
  const [, kind, name] = /^(slot|probe|fan)\/(.+)$/s.exec(text ?? "") ?? [];
  return kind === "slot" || kind === "probe" || kind === "fan" ? { kind, name: name ?? "" } : null;
}

/**
 * parseRoute reads an address. What it does not understand it leaves out.
 * @param {URL} url
 * @returns {Route}
 */
export function parseRoute(url) {
  const has = url.searchParams;
  // Links from before there were parameters: /#hex/a1/s3.
  const named = /^#([^/]+\/[^/]+\/[^/]+)$/.exec(url.hash)?.[1];
  const shelf = has.get("shelf") ?? (named ? decodeURIComponent(named) : "");
  const every = Number(has.get("kiosk"));
  return {
    view: has.get("view") === "fleet" ? "fleet" : shelf ? "shelf" : "places",
    site: has.get("site") ?? "",
    rack: has.get("rack") ?? "",
    shelf,
    at: moment(has.get("at")),
    before: moment(has.get("before")),
    from: moment(has.get("from")),
    to: moment(has.get("to")),
    layer: layers.find((l) => l === has.get("layer")) ?? "air",
    part: parsePart(has.get("of")),
    kiosk: has.has("kiosk"),
    every: every >= 3 ? every : kioskSeconds,
  };
}

/** @param {number} t */
const written = (t) => new Date(t).toISOString().replace(".000Z", "Z");

/**
 * formatRoute is the inverse of parseRoute; what is as usual is left out.
 * @param {Route} r
 */
export function formatRoute(r) {
  /** @type {[string, string][]} */
  const out = [];
  if (r.view === "fleet") out.push(["view", "fleet"]);
  if (r.view === "places" && r.site) out.push(["site", r.site]);
  if (r.view === "places" && r.rack) out.push(["rack", r.rack]);
  if (r.view === "shelf") {
    out.push(["shelf", r.shelf]);
    if (r.at !== null) out.push(["at", written(r.at)]);
    if (r.before !== null) out.push(["before", written(r.before)]);
    if (r.from !== null) out.push(["from", written(r.from)]);
    if (r.to !== null) out.push(["to", written(r.to)]);
    if (r.part) out.push(["of", `${r.part.kind}/${r.part.name}`]);
  }
  if (r.layer !== "air") out.push(["layer", r.layer]);
  if (r.kiosk) out.push(["kiosk", r.every === kioskSeconds ? "" : String(r.every)]);
  const text = out.map(([name, value]) => name + (value && `=${legible(value)}`)).join("&");
  return text ? `/?${text}` : "/";
}

/** @param {string} value */
const legible = (value) => encodeURIComponent(value).replace(/%2F/g, "/").replace(/%3A/g, ":");

/**
 * linkTo is the address of a view, reached from another: moment and part are not
 * taken along.
 * @param {Partial<Route>} changes
 */
export const linkTo = (changes) => formatRoute({ ...nothing, ...changes });

/** An Address is the browser's own, with its history. */
export class Address {
  #changed;

  /** @param {(route: Route) => void} changed is called after every change but the first */
  constructor(changed) {
    this.#changed = changed;
    addEventListener("popstate", () => changed(this.route));
    document.addEventListener("click", (event) => this.#follow(event));
  }

  /** @returns {Route} */
  get route() { return parseRoute(new URL(location.href)); }

  /**
   * go changes what is shown. "replace" leaves no step for the back button: for
   * what changes by itself, or many times a second.
   * @param {Partial<Route>} changes
   * @param {"push" | "replace"} [how]
   */
  go(changes, how = "push") {
    const next = formatRoute({ ...this.route, ...changes });
    if (next === location.pathname + location.search) return;
    history[how === "push" ? "pushState" : "replaceState"](null, "", next);
    this.#changed(this.route);
  }

  /**
   * follow takes clicks on links within the page; those with a key held open a
   * tab as ever.
   * @param {MouseEvent} event
   */
  #follow(event) {
    const link = event.target instanceof Element ? event.target.closest("a[href^='/?'], a[href='/']") : null;
    if (!link || event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    const next = link.getAttribute("href") ?? "/";
    if (next === location.pathname + location.search) return;
    history.pushState(null, "", next);
    this.#changed(this.route);
    scrollTo({ top: 0 });
  }
}
