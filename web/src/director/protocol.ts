/** What walls, tablets and the server say to each other; see `docs/protocols/live.md`. */

import type { Speed } from "../screen/past/rows";

/** A view of the map: degrees, zoom level of 512-pixel tiles. */
export interface SceneView {
  lon: number;
  lat: number;
  zoom: number;
  pitch: number;
  bearing: number;
}

/** What is on a wall. */
export interface WallState {
  view: SceneView;
  /** Code of the district that is looked into; "": everything. */
  district: string;
  layers: string[];
  folded: string[];
  solid: boolean;
  asset: number | null;
  alert: number | null;
  sound: boolean;
  /** The scene that was shown last, if nothing was changed since. */
  scene: number | null;
  /** Number of the order that is being carried out. */
  doing: number | null;
  /** The moment its map shows, ms since 1970 UTC; null: the present. */
  past: number | null;
}

/** The past as several walls show it together: what was at `moment` is seen at `since` (both ms since 1970 UTC). */
export interface Replay {
  moment: number;
  since: number;
  speed: Speed;
  playing: boolean;
}

/** A scene as a wall is told of it. */
export interface ShownScene {
  scene: number;
  name: string;
  view: SceneView;
  district: string;
  /** Null: the layers stay as they are. */
  layers: string[] | null;
  folded: string[];
  asset: number | null;
}

export interface RunStep extends ShownScene {
  dwell_s: number;
}

/** A tour being played: what the record keeps, so that it goes on after a reload. */
export interface Run {
  /** Number of the order that began it. */
  run: number;
  tour: number;
  name: string;
  loop: boolean;
  steps: RunStep[];
  step: number;
  paused: boolean;
  /** Why it is paused. */
  why: "" | "order" | "touch";
  /** When the next step comes, server ms; null while paused. */
  until: number | null;
}

/** How far a wall is with its tour, as it reports it. */
export type Playing = Pick<Run, "run" | "step" | "paused" | "why" | "until">;

/** What a wall can be told to do. */
export type Deed =
  | { do: "scene"; scene: number }
  | { do: "tour"; tour: number }
  | { do: "stop" | "pause" | "resume" | "next" | "previous" | "home" | "close" | "silence" | "identify" }
  | { do: "fold"; folded: string[] }
  | { do: "layer"; layer: string; shown: boolean }
  | { do: "solid"; solid: boolean }
  | { do: "district"; district: string }
  | { do: "fly"; lon: number; lat: number; zoom: number | null }
  | { do: "zoom"; by: number }
  | ({ do: "past" } & (Replay | { moment: null }))
  | { do: "asset" | "alert"; id: number };

/** What the server adds when it passes an order on. */
export type Order = { number: number; driver: string } & (
  | { do: "scene"; shown: ShownScene }
  | { do: "tour"; playing: Run }
  | Exclude<Deed, { do: "scene" } | { do: "tour" }>
);

/** What a wall is told when it has announced itself. */
export interface Welcome {
  id: number;
  name: string;
  /** What it was named; "" where nobody has. */
  named: string;
  code: string;
  /** Number of its last order, and of the last it has carried out. */
  number: number;
  done: number;
  run: Run | null;
}

/** A wall as a tablet sees it; times in ms since 1970 UTC. */
export interface WallInfo {
  id: number;
  name: string;
  named: string;
  code: string;
  user: { id: number; name: string };
  since: number;
  seen_at: number;
  left_at: number | null;
  /** Empty until it has first reported. */
  state: Partial<WallState>;
  run: (Omit<Run, "steps"> & { steps: { name: string; dwell_s: number }[] }) | null;
  /** Number of its last order, and of the last it has carried out. */
  number: number;
  done: number;
  fault: string;
}

export interface SceneInfo extends SceneView {
  id: number;
  name: string;
  position: number;
  district: string;
  layers: string[] | null;
  folded: string[];
  asset: number | null;
  /** Whether this user may change it. */
  kept: boolean;
}

export interface TourInfo {
  id: number;
  name: string;
  position: number;
  loop: boolean;
  steps: { scene: number; name: string; dwell_s: number }[];
  kept: boolean;
}

export type WallMessage =
  | { type: "walls"; walls: WallInfo[] }
  | { type: "wall_now"; wall: WallInfo }
  | ({ type: "wall" } & Welcome)
  | { type: "wall_taken" }
  | ({ type: "order" } & Order);
