import type { ExpressionSpecification, GeoJSONSource, LayerSpecification, Map as MapLibreMap, VectorTileSource } from "maplibre-gl";
import type { TileLayerInfo } from "../api";
import { hatchImage, tilesOf } from "../map/basemap";
import type { MapCanvas } from "../map/canvas";
import { type TokenName, type Tokens, rgb } from "../tokens";
import type { District, LayerInfo, Paint } from "./layerinfo";
import { shadesOf, shareOf } from "./shades";

/** Everything of the base map lies below the first line of the map's own style. */
const BELOW_LINES = "district-lines";
/** What the map's own style draws of areas: here the layer tree decides about them. */
const OWN_AREAS = ["areas", "key-areas", "area-lines"];
const SHADE = "beyond-district";
const DISTRICT_EDGE = "district-edge";
/** The base map's tiles hold all its layers: one request brings what five would. */
const BASE = "base";
const BASE_LAYERS = ["base.green", "base.blocks", "base.water", "base.roads", "base.buildings"];
/** Flat outlines of buildings, drawn where they do not stand. */
const FLAT_BUILDINGS = "base-buildings";
const STANDING_BUILDINGS = "base-buildings-standing";

function tileAddress({ tiles }: TileLayerInfo): string {
  return new URL(tiles, window.location.href).href.replaceAll("%7B", "{").replaceAll("%7D", "}");
}

/** `share` of `b` in `a`, both `#rrggbb`. */
export function mix(a: string, b: string, share: number): string {
  const to = rgb(b);
  const parts = rgb(a).map((part, i) => Math.round(part + (to[i] - part) * share));
  return `#${parts.map((part) => part.toString(16).padStart(2, "0")).join("")}`;
}

/** A colouring as a map expression. */
export function paintExpression(paint: Paint | undefined, colour: (name: string) => string): string | ExpressionSpecification {
  if (paint === undefined) return colour("accent");
  if (typeof paint === "string") return colour(paint);
  const cases = paint.colours.flatMap(({ value, colour: name }) => [["==", ["get", paint.by], value], colour(name)]);
  return ["case", ...cases, colour(paint.other)] as unknown as ExpressionSpecification;
}

/** Filling by district: the fuller, the more of the counted things are in it, compared with the others. */
export function districtOpacity(counts: ReadonlyMap<string, number>, most: number): number | ExpressionSpecification {
  const shades = shadesOf(counts.values());
  if (shades.length === 0) return 0;
  const cases = [...counts].flatMap(([code, count]) => [code, shareOf(count, shades) * most]);
  return ["match", ["get", "code"], ...cases, 0] as unknown as ExpressionSpecification;
}

/** What lies on the ground: the base map, the modules' layers, the district that is looked into. */
export class Ground {
  private isSolid = false;
  private hasTileset = false;
  private readonly shown = new Map<string, boolean>();
  /** Layers that draw areas: the only ones whose past is kept. */
  private areas: readonly LayerInfo[] = [];

  private constructor(
    private readonly map: MapLibreMap,
    private readonly catalogue: ReadonlyMap<string, TileLayerInfo>,
    private readonly tokens: Tokens,
    private readonly scale: number,
  ) {}

  /** @param tilesUrl address of the tiles' folder */
  static async lay({ map, tileLayers }: MapCanvas, tilesUrl: string, tokens: Tokens, scale: number): Promise<Ground> {
    if (map.getLayer(BELOW_LINES) === undefined) await map.once("style.load");
    const ground = new Ground(map, tileLayers, tokens, scale);
    ground.layBase(tilesUrl);
    return ground;
  }

  /** Adds the layers of the tree, the first at the bottom; none is shown yet. */
  add(layers: readonly LayerInfo[]): void {
    for (const id of OWN_AREAS) this.map.setLayoutProperty(id, "visibility", "none");
    for (const info of layers) {
      for (const layer of this.layersOf(info)) this.map.addLayer({ layout: { visibility: "none" }, ...layer } as LayerSpecification);
    }
    this.areas = layers.filter(({ source }) => source.type === "areas");
    this.layShade();
  }

  /** Draws the areas of a moment (ms since 1970 UTC); null: of the present. */
  travel(at: number | null): void {
    for (const { id, source } of this.areas) {
      const entry = "tiles" in source ? this.catalogue.get(source.tiles) : undefined;
      const drawn = this.map.getSource(id) as VectorTileSource | undefined;
      if (entry !== undefined) drawn?.setTiles([tileAddress(entry) + (at === null ? "" : `?at=${at}`)]);
    }
  }

  show(info: LayerInfo, isShown: boolean): void {
    this.shown.set(info.id, isShown);
    for (const { id } of this.map.getStyle().layers) {
      if (id.startsWith(`${info.id}/`)) this.setVisible(id, isShown && (this.isSolid || !id.endsWith("/volume")));
    }
  }

  /** Lets volumes and buildings stand, or lie flat. */
  stand(isSolid: boolean): void {
    this.isSolid = isSolid;
    for (const { id } of this.map.getStyle().layers) {
      if (id.endsWith("/volume")) this.setVisible(id, isSolid && this.shown.get(id.slice(0, -"/volume".length)) === true);
    }
    this.setVisible(FLAT_BUILDINGS, !isSolid);
    this.setVisible(STANDING_BUILDINGS, isSolid && !this.hasTileset);
  }

  /** Buildings come from a tileset from now on. */
  leaveBuildings(): void {
    this.hasTileset = true;
    this.stand(this.isSolid);
  }

  /** Id of the layer below which a tileset's buildings belong. */
  get belowBuildings(): string {
    return BELOW_LINES;
  }

  /** Dims everything outside one district; null: nothing. */
  focus(district: District | null): void {
    const code = district?.code ?? "";
    this.setVisible(SHADE, district !== null);
    this.setVisible(DISTRICT_EDGE, district !== null);
    this.map.setFilter(SHADE, ["all", ["==", ["get", "level"], "district"], ["!=", ["get", "code"], code]]);
    this.map.setFilter(DISTRICT_EDGE, ["==", ["get", "code"], code]);
  }

  /** Code of the district at a point (pixels from the map's corner), or null. */
  districtAt(x: number, y: number): string | null {
    const [found] = this.map.queryRenderedFeatures([x, y], { layers: ["districts"] });
    return found === undefined ? null : String(found.properties.code);
  }

  /** What is drawn of these layers at a point, the topmost first. */
  featuresAt(x: number, y: number, layers: readonly LayerInfo[]): { info: LayerInfo; properties: Record<string, unknown> }[] {
    const byId = new Map(layers.map((info) => [info.id, info]));
    const ids = this.map.getStyle().layers.map(({ id }) => id).filter((id) => byId.has(id.split("/")[0]));
    const found = new Map<string, { info: LayerInfo; properties: Record<string, unknown> }>();
    for (const { layer, id, properties } of this.map.queryRenderedFeatures([x, y], { layers: ids })) {
      const info = byId.get(layer.id.split("/")[0]);
      // An outline, a filling and a volume are one thing, and tiles cut it into pieces.
      if (info !== undefined && info.style.type !== "district" && properties.point_count === undefined) found.set(`${info.id}/${id ?? properties.id}`, { info, properties });
    }
    return [...found.values()];
  }

  /** Fills districts by these counts (by code). */
  fillDistricts(info: LayerInfo, counts: ReadonlyMap<string, number>): void {
    const opacity = districtOpacity(counts, info.style.most_opacity ?? 0.6);
    this.map.setPaintProperty(`${info.id}/fill`, "fill-opacity", opacity as never);
  }

  /** Gives a heat map its points: longitude, latitude (degrees), weight. */
  heat(info: LayerInfo, points: readonly (readonly [lon: number, lat: number, weight: number])[]): void {
    const features = points.map(([lon, lat, weight]) => ({
      type: "Feature" as const,
      geometry: { type: "Point" as const, coordinates: [lon, lat] },
      properties: { weight },
    }));
    (this.map.getSource(info.id) as GeoJSONSource | undefined)?.setData({ type: "FeatureCollection", features });
  }

  private setVisible(id: string, isVisible: boolean): void {
    if (this.map.getLayer(id) === undefined) return;
    this.map.setLayoutProperty(id, "visibility", isVisible ? "visible" : "none");
  }

  private readonly colour = (name: string): string => this.tokens[name as TokenName] ?? this.tokens.accent;

  /** Adds the source of a tile layer; false when there is no such layer. */
  private addTiles(source: string, name: string): boolean {
    const entry = this.catalogue.get(name);
    if (entry === undefined) return false;
    this.map.addSource(source, {
      type: "vector",
      tiles: [tileAddress(entry)],
      minzoom: entry.minzoom,
      maxzoom: entry.maxzoom,
      ...(entry.attribution ? { attribution: entry.attribution } : {}),
    });
    return true;
  }

  /** Water, green, blocks, buildings and roads in greys that step back. */
  private layBase(tilesUrl: string): void {
    const present = BASE_LAYERS.flatMap((name) => this.catalogue.get(name) ?? []);
    if (present.length === 0) return;
    const attributions = new Set(present.flatMap(({ attribution }) => attribution.split("；")).filter((text) => text !== ""));
    this.map.addSource(BASE, {
      type: "vector",
      tiles: [tilesOf(tilesUrl, ...present.map(({ name }) => name))],
      minzoom: Math.min(...present.map(({ minzoom }) => minzoom)),
      // Nearer than a layer's last zoom its tiles would be without it.
      maxzoom: Math.min(...present.map(({ maxzoom }) => maxzoom)),
      ...(attributions.size > 0 ? { attribution: [...attributions].join("；") } : {}),
    });
    const { ground, raised, line, quiet } = this.tokens;
    const scale = this.scale;
    const width = (near: number, far: number): ExpressionSpecification =>
      ["interpolate", ["exponential", 1.5], ["zoom"], 9, far * scale, 16, near * scale];
    const put = (id: string, name: string, layer: object): void => {
      this.map.addLayer({ id, source: BASE, "source-layer": `base.${name}`, ...layer } as LayerSpecification, BELOW_LINES);
    };
    const isDark = rgb(ground)[2] < 128;
    const green = isDark ? mix(raised, "#1f4a44", 0.35) : mix(raised, "#3f9a6a", 0.16);
    const water = isDark ? mix(ground, "#0d2a4a", 0.45) : mix(raised, "#4c8fd0", 0.24);
    put("base-green", "green", { type: "fill", paint: { "fill-color": green, "fill-antialias": false } });
    put("base-blocks", "blocks", { type: "fill", paint: { "fill-color": mix(raised, line, 0.28), "fill-antialias": false } });
    put("base-water", "water", { type: "fill", paint: { "fill-color": water, "fill-antialias": false } });
    const isGreat = ["in", ["get", "class"], ["literal", ["motorway", "trunk"]]];
    put("base-roads-small", "roads", {
      type: "line", filter: ["!", isGreat],
      paint: { "line-color": mix(raised, line, 0.85), "line-width": width(5, 0.3) },
    });
    put("base-roads", "roads", {
      type: "line", filter: isGreat,
      paint: { "line-color": mix(line, quiet, 0.22), "line-width": width(9, 0.9) },
    });
    put(FLAT_BUILDINGS, "buildings", {
      type: "fill", minzoom: 13, paint: { "fill-color": mix(raised, line, 0.8), "fill-outline-color": mix(line, quiet, 0.15) },
    });
    put(STANDING_BUILDINGS, "buildings", {
      type: "fill-extrusion", minzoom: 13, layout: { visibility: "none" },
      paint: {
        "fill-extrusion-color": mix(line, quiet, 0.2),
        "fill-extrusion-height": ["coalesce", ["get", "height_m"], 10],
        "fill-extrusion-opacity": 0.85,
      },
    });
  }

  private layShade(): void {
    const regions = { source: "regions", "source-layer": "regions", layout: { visibility: "none" as const } };
    this.map.addLayer({
      id: SHADE, type: "fill", ...regions,
      paint: { "fill-color": this.tokens.ground, "fill-opacity": 0.72, "fill-antialias": false },
    });
    this.map.addLayer({
      id: DISTRICT_EDGE, type: "line", ...regions,
      paint: { "line-color": this.tokens.accent, "line-width": 2 * this.scale, "line-opacity": 0.8 },
    });
    this.focus(null);
  }

  private layersOf(info: LayerInfo): object[] {
    const { source, style } = info;
    const between = { minzoom: info.min_zoom, maxzoom: info.max_zoom };
    const colour = paintExpression(style.colour, this.colour);
    if (style.type === "district") {
      const regions = { source: "regions", "source-layer": "regions", filter: ["==", ["get", "level"], "district"] };
      return [{ id: `${info.id}/fill`, type: "fill", ...regions, paint: { "fill-color": colour, "fill-opacity": 0 } }];
    }
    if (source.type === "grid") {
      // Pictures whose addresses say of which moment they are: none before the first is known.
      this.map.addSource(info.id, { type: "raster", tiles: [], tileSize: 256, minzoom: source.min_zoom, maxzoom: source.max_zoom });
      return [{ id: `${info.id}/cells`, type: "raster", source: info.id, ...between, paint: { "raster-resampling": "nearest", "raster-fade-duration": 0 } }];
    }
    if (style.type === "heat") return [this.heatLayer(info)];
    if (source.type === "live" || !this.addTiles(info.id, source.tiles)) return [];
    const base = { source: info.id, "source-layer": source.tiles, ...between };
    const edge = {
      id: `${info.id}/line`, type: "line", ...base, layout: { "line-join": "round" },
      paint: { "line-color": colour, "line-width": (style.line_px ?? style.width_px ?? 1.2) * this.scale, "line-opacity": 0.75 },
    };
    switch (style.type) {
      case "point":
      case "icon":
        return [
          {
            id: `${info.id}/point`, type: "circle", ...base,
            paint: {
              "circle-radius": ["interpolate", ["linear"], ["zoom"], 9, 2 * this.scale, 14, (style.radius_px ?? 5) * this.scale],
              "circle-color": this.tokens.ground,
              "circle-stroke-color": colour,
              "circle-stroke-width": ["interpolate", ["linear"], ["zoom"], 9, 1 * this.scale, 14, 2 * this.scale],
              "circle-pitch-alignment": "map",
            },
          },
        ];
      case "path":
        return [edge];
      case "volume":
        return [
          { id: `${info.id}/fill`, type: "fill", ...base, paint: { "fill-color": colour, "fill-opacity": (style.opacity ?? 0.3) / 2 } },
          {
            id: `${info.id}/volume`, type: "fill-extrusion", ...base,
            paint: {
              "fill-extrusion-color": colour,
              "fill-extrusion-opacity": style.opacity ?? 0.3,
              "fill-extrusion-base": ["coalesce", ["get", "z_min_m"], 0],
              "fill-extrusion-height": ["coalesce", ["get", "z_max_m"], style.height_m ?? 30],
              "fill-extrusion-vertical-gradient": false,
            },
          },
          edge,
        ];
      default: {
        const filling = { id: `${info.id}/fill`, type: "fill", ...base, paint: { "fill-color": colour, "fill-opacity": style.fill_opacity ?? 0.1 } };
        return style.hatched ? [filling, this.hatching(info, base), edge] : [filling, edge];
      }
    }
  }

  private hatching(info: LayerInfo, base: object): object {
    const name = `hatch/${info.id}`;
    const colour = typeof info.style.colour === "string" ? info.style.colour : "accent";
    this.map.addImage(name, hatchImage(this.colour(colour)).data, { pixelRatio: 2 / this.scale });
    return { id: `${info.id}/hatch`, type: "fill", ...base, minzoom: Math.max(12, info.min_zoom), paint: { "fill-pattern": name, "fill-opacity": 0.6 } };
  }

  private heatLayer(info: LayerInfo): object {
    this.map.addSource(info.id, { type: "geojson", data: { type: "FeatureCollection", features: [] } });
    const steps = ["line", "grade-blue", "accent", "grade-yellow", "grade-orange"];
    const ramp = steps.flatMap((name, i) => [0.05 + (i / (steps.length - 1)) * 0.95, this.colour(name)]);
    return {
      id: `${info.id}/heat`, type: "heatmap", source: info.id,
      paint: {
        "heatmap-weight": ["get", "weight"],
        "heatmap-radius": (info.style.radius_px ?? 40) * this.scale,
        "heatmap-intensity": info.style.intensity ?? 1,
        "heatmap-opacity": 0.7,
        "heatmap-color": ["interpolate", ["linear"], ["heatmap-density"], 0, "rgba(0, 0, 0, 0)", ...ramp],
      },
    };
  }
}
