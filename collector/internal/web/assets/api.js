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

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// calmly returns a function that runs task, never twice at a time and at least
// pause ms apart. Calls that come meanwhile are one more run: what is shown in
// the end is the newest.
export function calmly(pause, task) {
  let running = false;
  let again = false;
  return async function run() {
    if (running) {
      again = true;
      return;
    }
    running = true;
    try {
      do {
        again = false;
        const done = wait(pause);
        await task();
        await done;
      } while (again);
    } finally {
      running = false;
    }
  };
}
