// Requests to the collector.

// get answers with the response of a path, or throws an Error with the
// collector's own words.
async function get(path) {
  const response = await fetch(path, { signal: AbortSignal.timeout(15000) });
  if (response.ok) return response;
  let why = response.statusText || `status ${response.status}`;
  if (response.headers.get("content-type") === "application/json") why = (await response.json()).error ?? why;
  throw new Error(why);
}

export const getJSON = async (path) => (await get(path)).json();
export const getText = async (path) => (await get(path)).text();

export const shelfPath = (shelf) => "/api/v1/shelves/" + shelf.split("/").map(encodeURIComponent).join("/");

// calmly returns a function that runs task, never twice at a time and at least
// pause ms apart. Calls that come meanwhile are one more run: what is shown in
// the end is the newest. A call with "now", when a person waits for it, cuts the
// pause short.
export function calmly(pause, task) {
  let running = false;
  let again = false;
  let hurry = null;
  return async function run(when) {
    again = true;
    if (when === "now") hurry?.();
    if (running) return;
    running = true;
    try {
      while (again) {
        again = false;
        const paused = new Promise((resolve) => {
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
