// The parts of a shelf: its slots, probes and fans, in words and on the map.

import { ago, fixed } from "./words.js";

/**
 * @typedef {import("./types.js").Shelf} Shelf
 * @typedef {import("./types.js").Part} Part
 */

/** @type {Part["kind"][]} */
const kinds = ["slot", "probe", "fan"];

/** @param {Part} part */
export const selectorFor = (part) => `[data-${part.kind}="${CSS.escape(part.name)}"]`;

/**
 * @param {Part | null} a
 * @param {Part | null} b
 */
export const samePart = (a, b) => a?.kind === b?.kind && a?.name === b?.name;

/**
 * partOf names the part that a node of the map belongs to, so that it is found
 * again in the next picture.
 * @param {EventTarget | null} node
 * @returns {Part | null}
 */
export function partOf(node) {
  const group = node instanceof Element ? node.closest("[data-slot], [data-probe], [data-fan]") : null;
  if (!(group instanceof SVGElement)) return null;
  const kind = kinds.find((k) => group.dataset[k] !== undefined);
  return kind ? { kind, name: group.dataset[kind] ?? "" } : null;
}

/** @param {Part} part */
export const partTitle = (part) => ({ slot: "Slot", probe: "Probe", fan: "Fan" })[part.kind] + " " + part.name;

/**
 * partLines says what is known of a part, its name first; nothing when there is
 * no such part.
 * @param {Shelf} shelf
 * @param {Part} part
 * @param {number} now in ms
 * @returns {string[]}
 */
export function partLines(shelf, part, now) {
  if (part.kind === "slot") return slotLines(shelf, part, now);
  const lines = part.kind === "probe" ? probeLines(shelf, part.name) : fanLines(shelf, part.name);
  const one = (part.kind === "probe" ? shelf.probes : shelf.fans).find((p) => p.name === part.name);
  if (!one) return [];
  if (one.fault) lines.push(`last sample rejected: ${one.fault}`);
  lines.push(one.t ? `measured ${ago(one.t, now)} ago` : "never seen");
  return [partTitle(part), ...lines];
}

/** @type {Record<string, string>} */
export const faces = { cold: "cold aisle", inside: "inside", hot: "hot aisle" };

/** @type {Record<string, string>} */
export const conditions = { ok: "running", slow: "too slow", stopped: "stopped", unknown: "silent" };

/**
 * @param {Shelf} shelf
 * @param {string} name
 */
function probeLines(shelf, name) {
  const probe = shelf.probes.find((p) => p.name === name);
  if (!probe) return [];
  const age = probe.state === "fresh" ? "" : `, ${probe.state}`;
  return [`${fixed(probe.value)} °C${age}`, faces[probe.face] ?? probe.face, probe.sensor];
}

/**
 * @param {Shelf} shelf
 * @param {string} name
 */
function fanLines(shelf, name) {
  const fan = shelf.fans.find((f) => f.name === name);
  if (!fan) return [];
  return [`${fixed(fan.speed)} of at least ${fixed(fan.healthy, 0)} turns a second`, conditions[fan.condition] ?? fan.condition];
}

/**
 * @param {Shelf} shelf
 * @param {Part} part
 * @param {number} now
 */
function slotLines(shelf, part, now) {
  const slot = shelf.slots[Number(part.name) - 1];
  if (!slot) return [];
  if (!slot.node && slot.soc === null && slot.power === null) return [partTitle(part), "empty"];
  const lines = [partTitle(part)];
  const age = slot.state === "fresh" ? "" : `, ${slot.state}`;
  lines.push(slot.soc === null ? "no processor temperature" : `${fixed(slot.soc)} °C processor${age}`);
  if (slot.power !== null) lines.push(`${fixed(slot.power)} W`);
  if (slot.fault) lines.push(`last sample rejected: ${slot.fault}`);
  if (slot.node) lines.push(slot.node);
  lines.push(slot.seen ? `seen ${ago(slot.seen, now)} ago` : "never seen");
  return lines;
}
