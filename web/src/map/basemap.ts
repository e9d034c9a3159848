import type { LayerSpecification, StyleSpecification } from "maplibre-gl";
import type { Tokens } from "../tokens";

/** Zooms between which a tile layer has tiles of its own. */
export interface TileRange {
  minzoom: number;
  maxzoom: number;
}

export const LABEL_FONT = "Noto Sans SC Variable";
/** From this zoom on areas are named. */
export const AREA_NAMES_ZOOM = 13.5;
export const AREA_LAYER = "areas";
const HATCH = "hatch";
/** Areas whose kind asks for care are hatched (`visual.md`). */
const IS_KEY_AREA = ["==", ["get", "kind"], "key_area"] as const;

/** Address of tiles of these layers, which come together. */
export function tilesOf(base: string, ...layers: readonly string[]): string {
  const address = new URL(base, window.location.href).href.replace(/\/$/, "");
  return `${address}/${layers.join(",")}/{z}/{x}/{y}.mvt`;
}

function tiles(base: string, layer: string, range: TileRange): StyleSpecification["sources"][string] {
  return { type: "vector", tiles: [tilesOf(base, layer)], ...range };
}

/**
 * The map's own style: ink-blue ground, districts as quiet sheets, areas as thin lines. No glyphs address and no
 * sprite: names are drawn over the things, with the page's own font (`Annotations`).
 *
 * @param scale enlarges lines on a wall
 */
export function baseStyle(
  tilesUrl: string,
  ranges: ReadonlyMap<string, TileRange>,
  colours: Tokens,
  scale: number,
): StyleSpecification {
  const districts = ["==", ["get", "level"], "district"] as const;
  const regions = { source: "regions", "source-layer": "regions" } as const;
  const areas = { source: "areas", "source-layer": "areas" } as const;
  const range = (name: string): TileRange => {
    const { minzoom, maxzoom } = ranges.get(name) ?? { minzoom: 0, maxzoom: 14 };
    return { minzoom, maxzoom };
  };
  const layers: LayerSpecification[] = [
    { id: "ground", type: "background", paint: { "background-color": colours.ground } },
    {
      id: "districts", type: "fill", ...regions, filter: districts as never,
      paint: { "fill-color": colours.raised, "fill-opacity": 0.85, "fill-antialias": false },
    },
    {
      id: "district-lines", type: "line", ...regions, filter: districts as never,
      layout: { "line-join": "round" },
      paint: {
        "line-color": colours.line,
        "line-width": ["interpolate", ["linear"], ["zoom"], 8, 0.9 * scale, 12, 1.8 * scale],
      },
    },
    {
      id: "city-line", type: "line", ...regions, filter: ["==", ["get", "level"], "city"],
      layout: { "line-join": "round" },
      paint: { "line-color": colours.quiet, "line-opacity": 0.55, "line-width": 1.4 * scale },
    },
    {
      id: AREA_LAYER, type: "fill", ...areas,
      paint: {
        "fill-color": ["case", IS_KEY_AREA as never, colours["grade-orange"], colours.accent],
        "fill-opacity": ["interpolate", ["linear"], ["zoom"], 9, 0.05, 14, 0.09],
      },
    },
    {
      id: "key-areas", type: "fill", ...areas, filter: IS_KEY_AREA as never, minzoom: 12,
      paint: { "fill-pattern": HATCH, "fill-opacity": 0.5 },
    },
    {
      id: "area-lines", type: "line", ...areas,
      paint: {
        "line-color": ["case", IS_KEY_AREA as never, colours["grade-orange"], colours.accent],
        "line-opacity": ["interpolate", ["linear"], ["zoom"], 9, 0.25, 13, 0.6],
        "line-width": 1 * scale,
      },
    },
  ];
  return {
    version: 8,
    sources: {
      regions: tiles(tilesUrl, "regions", range("regions")),
      areas: tiles(tilesUrl, "areas", range("areas")),
    },
    layers,
  };
}

/** The picture behind {@link baseStyle}'s hatched areas; to be added to the map under the returned name. */
export function hatchImage(colour: string): { name: string; data: ImageData } {
  const size = 16;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = size;
  const context = canvas.getContext("2d");
  if (context === null) throw new Error("this browser cannot draw on a canvas");
  context.strokeStyle = colour;
  context.globalAlpha = 0.5;
  context.lineWidth = 1.5;
  for (const shift of [-size, 0, size]) {
    context.moveTo(shift, size);
    context.lineTo(shift + size, 0);
  }
  context.stroke();
  return { name: HATCH, data: context.getImageData(0, 0, size, size) };
}
