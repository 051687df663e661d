// Requests to the collector.

/** An answer that was no success, with the collector's own words. */
export class Refusal extends Error {
  /**
   * @param {string} why
   * @param {number} status
   */
  constructor(why, status) {
    super(why);
    this.status = status;
  }
}

const patience = 15_000; // ms

/**
 * get answers with the response of a path, or throws a Refusal.
 * @param {string} path
 */
async function get(path) {
  const response = await fetch(path, { signal: AbortSignal.timeout(patience) });
  if (response.ok) return response;
  let why = response.statusText || `status ${response.status}`;
  if (response.headers.get("content-type") === "application/json") why = (await response.json()).error ?? why;
  throw new Refusal(why, response.status);
}

/**
 * @param {string} path
 * @returns {Promise<any>}
 */
export const getJSON = async (path) => (await get(path)).json();

/** @param {string} path */
export const getText = async (path) => (await get(path)).text();

/** @param {string} shelf */
export const shelfPath = (shelf) => "/api/v1/shelves/" + shelf.split("/").map(encodeURIComponent).join("/");

/**
 * query writes parameters, leaving out those that are null.
 * @param {Record<string, string | number | null>} parameters
 */
export function query(parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value !== null);
  return "?" + given.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`).join("&");
}

/**
 * stamp writes a moment, in ms, as a parameter of a request: Unix seconds.
 * @param {number | null} t
 */
export const stamp = (t) => (t === null ? null : t / 1000);

/**
 * calmly returns a function that runs task, never twice at a time and at least
 * pause ms apart. Calls that come meanwhile are one more run: what is shown in
 * the end is the newest. A call with "now", when a person waits for it, cuts the
 * pause short.
 * @param {number} pause
 * @param {() => Promise<void>} task
 */
export function calmly(pause, task) {
  let running = false;
  let again = false;
  /** @type {(() => void) | null} */
  let hurry = null;
  /** @param {"now"} [when] */
  return async function run(when) {
    again = true;
    if (when === "now") hurry?.();
    if (running) return;
    running = true;
    try {
      while (again) {
        again = false;
        const paused = new Promise((/** @type {(value?: undefined) => void} */ resolve) => {
          hurry = resolve;
          setTimeout(resolve, pause);
        });
        await task();
        await paused;
      }
    } finally {
      running = false;
    }
  };
}
