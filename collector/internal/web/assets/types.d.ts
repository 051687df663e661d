// What the collector answers, as openapi.yaml says it. Only tsc reads this file.

export type State = "ok" | "warning" | "critical" | "unknown";
export type Freshness = "fresh" | "stale" | "missing";
export type Layer = "air" | "soc" | "poe" | "delta" | "excess";
export type Palette = "cividis" | "inferno" | "viridis";

/** What of a shelf is picked: its air, or one part of it, such as slot 17. */
export interface Part {
  kind: "slot" | "probe" | "fan";
  name: string;
}

export interface ShelfLine {
  id: string;
  site: string;
  rack: string;
  shelf: string;
  state: State;
  delta_t: number | null;
  worst: { slot: number; value: number } | null;
}

export interface Slot {
  slot: number;
  node: string | null;
  soc: number | null;
  power: number | null;
  seen: string | null;
  state: Freshness;
  fault: string | null;
}

export interface Probe {
  name: string;
  sensor: string;
  face: "cold" | "inside" | "hot";
  x: number;
  y: number;
  value: number | null;
  t: string | null;
  state: Freshness;
  fault: string | null;
}

export interface Fan {
  name: string;
  speed: number | null;
  healthy: number;
  condition: "ok" | "slow" | "stopped" | "unknown";
  t: string | null;
  state: Freshness;
  fault: string | null;
}

export interface Figure {
  name: string;
  value: number | null;
  text: string | null;
  unit: string;
  why: string | null;
  formula: string;
  inputs: string;
  source: string;
}

export interface Limits {
  inlet: number;
  hot: number;
  soc: number;
  critical: number;
}

export interface Shelf extends ShelfLine {
  t: string;
  columns: number;
  depth: number;
  limits: Limits;
  slots: Slot[];
  probes: Probe[];
  fans: Fan[];
  figures: Record<string, Figure>;
  alerts: Alert[];
}

export interface Alert {
  id: string;
  alert: string;
  severity: "warning" | "critical";
  site: string;
  rack: string;
  shelf: string;
  slot: number | null;
  since: string;
  summary: string;
  state: "pending" | "firing";
}

export interface Page {
  seq: number;
  t: string;
  receiver: string;
  integration: string;
  status: "firing" | "resolved";
  alerts: string[];
  attempts: number;
  error: string | null;
}

export interface Node {
  node: string;
  site: string;
  shelf: string | null;
  slot: number | null;
  switch: string | null;
  seen: string | null;
  online: boolean | null;
  model: string | null;
  serial: string | null;
  agent: string | null;
  addresses: string[];
  rejected: Record<string, number>;
  throttled: number | null;
}

export interface Port {
  switch: string;
  port: number | null;
  name: string;
}

export interface Unplaced {
  site: string;
  node: string;
  sensor: string | null;
  why: string;
  seen: string | null;
  port: Port | null;
}

export interface Conflict {
  kind: string;
  nodes: string[];
  why: string;
}

export interface HeatCell {
  slot: number;
  value: number | null;
  sd: number | null;
  source: "measured" | "inferred" | "stale" | "missing";
}

export interface HeatMap {
  shelf: string;
  t: string;
  layer: Layer;
  columns: number;
  depth: number;
  cells: HeatCell[];
}

export interface Bucket {
  t: string;
  mean: number;
  min: number;
  max: number;
}

export interface Series {
  sensor: string;
  unit: string;
  step: number;
  points: Bucket[];
}

export interface Scale {
  layer: Layer;
  unit: string;
  low: number;
  high: number;
  colours: string[];
}

/** Counts of 1/scale, each as its difference from the last that was not null. */
export type Track = (number | null)[] | null;

export interface PlaybackSection {
  from: number;
  frames: number;
  columns: number;
  depth: number;
  limits: Limits;
  slots: { slot: number; value: Track; source: string }[];
  probes: { name: string; face: string; x: number; y: number; value: Track; state: string }[];
  fans: { name: string; healthy: number; value: Track; state: string }[];
  figures: { inlet: Track; hot_air: Track; delta_t: Track };
}

export interface Mark {
  t: string;
  event: "fired" | "resolved";
  alert: string;
  severity: "warning" | "critical";
  slot: number | null;
  summary: string;
  subject: string;
}

export interface Playback {
  shelf: string;
  layer: Layer;
  first: string;
  step: number;
  frames: number;
  scale: number;
  sections: PlaybackSection[];
  bookmarks: { since: string | null; marks: Mark[] };
}
