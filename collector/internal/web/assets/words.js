// Numbers, times and names as the page writes them.

const dash = "–";

/**
 * fixed writes a number, or a dash for none.
 * @param {number | null | undefined} value
 */
export const fixed = (value, digits = 1) =>
  value === null || value === undefined ? dash : value.toFixed(digits).replace("-", "−");

const timeOfDay = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const timeToSecond = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short" });

/** @param {number | Date} t */
export const clockTime = (t) => timeOfDay.format(t);

/** @param {number | Date} t */
export const clockSecond = (t) => timeToSecond.format(t);

/** @param {number | Date} t */
export const dayOf = (t) => day.format(t);

/**
 * lasting writes a span in its largest unit.
 * @param {number} ms below 0 is 0
 */
export function lasting(ms) {
  const seconds = Math.max(0, ms / 1000);
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} d`;
}

/**
 * ago says how long before now a time was.
 * @param {string} t as the collector writes it
 * @param {number} now in ms
 */
export const ago = (t, now) => lasting(now - Date.parse(t));

/**
 * words splits a name such as FanFailed: "Fan failed".
 * @param {string} name
 */
export function words(name) {
  const split = name.replace(/([a-z])([A-Z])/g, "$1 $2");
  return split.charAt(0) + split.slice(1).replace(/[A-Z](?=[a-z])/g, (c) => c.toLowerCase());
}

/**
 * count writes "1 node", "3 nodes", and nothing for none.
 * @param {number} n
 * @param {string} one
 */
export const count = (n, one) => (n === 0 ? "" : `${n} ${one}${n === 1 ? "" : "s"}`);

/** Units as people write them, by the collector's. */
const units = new Map([["Cel", "°C"], ["/", ""]]);

/** @param {string} unit */
export const unitWord = (unit) => units.get(unit) ?? unit;

/** @type {Record<import("./types.js").State, string>} */
export const stateWords = { ok: "ok", warning: "warning", critical: "critical", unknown: "no data" };

// The bits of the firmware's word, as vcgencmd get_throttled has them
// (raspberrypi.com, vcgencmd): what is now, and 16 bits up what has been.
const troubles = ["under-voltage", "frequency capped", "throttled", "soft temperature limit"];

/**
 * throttling says what a Pi's word means: what is so now, what was since it
 * started, "" for neither.
 * @param {number | null} word
 */
export function throttling(word) {
  if (word === null) return { now: "", past: "" };
  /** @param {number} shift */
  const bits = (shift) => troubles.filter((_, bit) => word >> (bit + shift) & 1).join(", ");
  return { now: bits(0), past: bits(16) };
}
