import "@fontsource-variable/noto-sans-sc";
import "maplibre-gl/dist/maplibre-gl.css";
import "../styles/page.css";
import "../styles/topline.css";
import "../styles/mapsigns.css";
import "../styles/panels.css";
import "../styles/card.css";
import "../styles/video.css";
import "../styles/beside.css";
import "../styles/screen.css";
import "../styles/screenline.css";
import "../styles/tree.css";
import "../styles/alerts.css";
import "../styles/keyframe.css";
import "../styles/inventory.css";
import "../styles/directorbadge.css";
import "../styles/charts.css";
import "../styles/bottom.css";
import "../styles/past.css";
import "../styles/asking.css";
import "../styles/annotate.css";
import type { SandtableProbe } from "../map/main";
import { setWords } from "../words";
import { ScreenApp } from "./app";
import { readScreenBoot } from "./boot";

const boot = readScreenBoot(document);
if (window.matchMedia("(max-width: 640px)").matches) {
  // Two columns and a map do not fit on a phone; the map page does.
  window.location.replace(boot.urls.map);
} else {
  setWords(boot.words);
  const root = document.getElementById("app");
  if (root === null) throw new Error("page: #app missing");
  const app = new ScreenApp(root, boot);
  const probe: SandtableProbe = {
    count: () => app.stream.count(),
    positionOf: (id) => {
      const thing = app.stream.fleet.find(id);
      return thing === null ? null : [thing.lon, thing.lat];
    },
    mode: () => app.stream.mode,
    connection: () => app.stream.light().state,
    mapReady: () => app.canvas?.isReady ?? false,
    settled: () => app.canvas?.isSettled ?? false,
    select: (id) => app.moving.selection.select(id),
    strokes: () => app.annotator.strokes(),
    standingOut: () => app.moving.picture.standingOut(),
    drawn: (layer) => app.inventory.drawn(layer),
  };
  window.sandtable = probe;
  void app.start();
}
