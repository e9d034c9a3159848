import "@fontsource-variable/noto-sans-sc";
import "maplibre-gl/dist/maplibre-gl.css";
import "../styles/page.css";
import "../styles/topline.css";
import "../styles/mapsigns.css";
import "../styles/panels.css";
import "../styles/card.css";
import "../styles/annotate.css";
import "../styles/video.css";
import "../styles/beside.css";
import { readBoot } from "../boot";
import { setWords } from "../words";
import { MapApp } from "./app";

/** A window for tests and for the curious: it only reads, and selects. */
export interface SandtableProbe {
  /** Things shown, one by one or summed up in cells. */
  count(): number;
  /** Last reported place of a thing that is drawn one by one, degrees; null when it is not. */
  positionOf(id: number): [lon: number, lat: number] | null;
  mode(): "assets" | "cells";
  /** State of the connection light. */
  connection(): "starting" | "live" | "late" | "broken";
  /** True once the map has drawn its first complete picture. */
  mapReady(): boolean;
  /** Whether everything in view is there and drawn. */
  settled(): boolean;
  /** Opens a thing's card, as a click does. */
  select(id: number): void;
  /** Names of those whose strokes are on the map just now. */
  strokes(): string[];
  /** Ids of the things that stand out because a number that counts them was chosen; on the command screen. */
  standingOut?(): number[];
  /** How many features of the ground are in the picture of a layer, or of `spot/` and a layer whose number was chosen. */
  drawn?(layer: string): number;
}

declare global {
  interface Window {
    sandtable?: SandtableProbe;
  }
}

const boot = readBoot(document);
setWords(boot.words);
const root = document.getElementById("app");
if (root === null) throw new Error("page: #app missing");
const app = new MapApp(root, boot);
window.sandtable = {
  count: () => app.stream.count(),
  positionOf: (id) => {
    const thing = app.stream.fleet.find(id);
    return thing === null ? null : [thing.lon, thing.lat];
  },
  mode: () => app.stream.mode,
  connection: () => app.stream.light().state,
  mapReady: () => app.canvas?.isReady ?? false,
  settled: () => app.canvas?.isSettled ?? false,
  select: (id) => app.selection.select(id),
  strokes: () => app.annotator.strokes(),
};
void app.start();
