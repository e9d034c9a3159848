import "maplibre-gl/dist/maplibre-gl.css";
import { LngLatBounds, Map as MapLibreMap, NavigationControl, Popup, setWorkerUrl } from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url";
import { readTokens } from "../tokens";

type Position = readonly number[];
type Nested = Position | readonly Nested[];
interface Feature {
  id: number;
  geometry: { type: string; coordinates: Nested } | null;
  properties: Record<string, unknown>;
}
interface Boot {
  bounds: [number, number, number, number];
  tiles: string;
  data: { type: "FeatureCollection"; features: Feature[] };
  items: string;
}

function extend(bounds: LngLatBounds, coordinates: Nested): void {
  if (typeof coordinates[0] === "number") bounds.extend([coordinates[0], coordinates[1] as number]);
  else for (const part of coordinates as readonly Nested[]) extend(bounds, part);
}

/** The small map of a page of features: districts below, the features in the accent colour above. */
function draw(element: HTMLElement, boot: Boot): void {
  const tokens = readTokens(document.documentElement);
  const bounds = new LngLatBounds();
  for (const { geometry } of boot.data.features) if (geometry !== null) extend(bounds, geometry.coordinates);
  const tiles = new URL(boot.tiles, window.location.href).href;
  const map = new MapLibreMap({
    container: element,
    bounds: bounds.isEmpty() ? boot.bounds : bounds,
    fitBoundsOptions: { padding: 48, maxZoom: 15, animate: false },
    attributionControl: false,
    style: {
      version: 8,
      sources: {
        regions: { type: "vector", tiles: [`${tiles}/regions/{z}/{x}/{y}.mvt`], maxzoom: 14 },
        roads: { type: "vector", tiles: [`${tiles}/base.roads/{z}/{x}/{y}.mvt`], minzoom: 5, maxzoom: 15 },
        features: { type: "geojson", data: boot.data as never },
      },
      layers: [
        { id: "ground", type: "background", paint: { "background-color": tokens.ground } },
        { id: "districts", type: "fill", source: "regions", "source-layer": "regions", paint: { "fill-color": tokens.raised } },
        { id: "roads", type: "line", source: "roads", "source-layer": "base.roads", paint: { "line-color": tokens.line, "line-width": 1 } },
        { id: "lines", type: "line", source: "regions", "source-layer": "regions", paint: { "line-color": tokens.silent, "line-opacity": 0.5 } },
        {
          id: "fill", type: "fill", source: "features", filter: ["==", ["geometry-type"], "Polygon"],
          paint: { "fill-color": tokens.accent, "fill-opacity": 0.15 },
        },
        {
          id: "edge", type: "line", source: "features", filter: ["!=", ["geometry-type"], "Point"],
          paint: { "line-color": tokens.accent, "line-width": 2 },
        },
        {
          id: "point", type: "circle", source: "features", filter: ["==", ["geometry-type"], "Point"],
          paint: { "circle-radius": 5, "circle-color": tokens.accent, "circle-stroke-color": tokens.raised, "circle-stroke-width": 1.5 },
        },
      ],
    },
  });
  map.addControl(new NavigationControl({ showCompass: false }));
  for (const layer of ["fill", "edge", "point"]) {
    map.on("mouseenter", layer, () => (map.getCanvas().style.cursor = "pointer"));
    map.on("mouseleave", layer, () => (map.getCanvas().style.cursor = ""));
  }
  map.on("click", ["fill", "edge", "point"], ({ lngLat, features }) => {
    const [found] = features ?? [];
    if (found === undefined) return;
    const link = document.createElement("a");
    link.href = `${boot.items}/${String(found.id)}?f=html`;
    link.textContent = String(found.properties.name ?? found.properties.code ?? found.id);
    new Popup({ closeButton: false }).setLngLat(lngLat).setDOMContent(link).addTo(map);
  });
}

setWorkerUrl(workerUrl);
const element = document.getElementById("map");
const boot = document.getElementById("boot")?.textContent;
if (element !== null && boot) draw(element, JSON.parse(boot) as Boot);
