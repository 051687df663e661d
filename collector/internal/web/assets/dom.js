// Elements and words. Text goes into text nodes only, never into markup.

function build(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

export const el = (tag, attributes, ...children) => build(document.createElement(tag), attributes, children);

export const svg = (tag, attributes, ...children) =>
  build(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

export const byId = (id) => document.getElementById(id);

// unlessSame returns a function that draws only what differs from the last
// time, so that a list keeps its focus and a reader is not told it twice.
export function unlessSame(draw) {
  let last;
  return (...values) => {
    const text = JSON.stringify(values);
    if (text === last) return;
    last = text;
    draw(...values);
  };
}

const dash = "–";

// fixed writes a number, or a dash for none.
export const fixed = (value, digits = 1) =>
  value === null || value === undefined ? dash : value.toFixed(digits).replace("-", "−");

const timeOfDay = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const timeToSecond = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short" });

export const clockTime = (t) => timeOfDay.format(t);
export const clockSecond = (t) => timeToSecond.format(t);
export const dayOf = (t) => day.format(t);

// ago says how long before now a time was; both in ms or Dates.
export function ago(t, now) {
  const seconds = Math.max(0, (now - t) / 1000);
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} d`;
}

// words splits a name such as FanFailed: "Fan failed".
export function words(name) {
  const split = name.replace(/([a-z])([A-Z])/g, "$1 $2");
  return split.charAt(0) + split.slice(1).replace(/[A-Z](?=[a-z])/g, (c) => c.toLowerCase());
}
