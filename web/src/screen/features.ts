import type { FilterSpecification, LayerSpecification, Map as MapLibreMap } from "maplibre-gl";
import type { LayerInfo, Value } from "./layerinfo";

/** The map's layers that draw this layer of the tree. */
function drawnOf(map: MapLibreMap, info: LayerInfo): string[] {
  return map.getStyle().layers.map(({ id }) => id).filter((id) => id.startsWith(`${info.id}/`));
}

/** Draws only what the filter lets through of a layer; null: everything. */
export function siftFeatures(map: MapLibreMap, info: LayerInfo, filter: FilterSpecification | null): void {
  if (info.source.type === "live" || info.source.type === "grid") return;
  for (const id of drawnOf(map, info)) map.setFilter(id, filter);
}

/** What a chosen number counts of what stands on the ground, drawn once more so that it is found at a glance. */
export class FeatureLight {
  private lit: string[] = [];

  /**
   * @param colour `#rrggbb`
   * @param scale enlarges lines on a wall
   */
  constructor(
    private readonly map: MapLibreMap,
    private readonly colour: string,
    private readonly scale: number,
  ) {}

  /**
   * Lights up a layer.
   *
   * @param filter what the layer's own filters let through; null: everything
   * @param field only features with this `value` of it; null: all
   */
  light(info: LayerInfo, filter: FilterSpecification | null, field: string | null, value: Value | null): void {
    this.darken();
    const drawn = drawnOf(this.map, info)[0];
    const like = drawn === undefined ? undefined : this.map.getLayer(drawn);
    if (like === undefined || info.source.type === "live" || info.source.type === "grid") return;
    const conditions = [filter, field === null ? null : ["==", ["get", field], value]].filter((each) => each !== null);
    const shared = {
      source: like.source, "source-layer": info.source.tiles, filter: ["all", ...conditions],
      minzoom: info.min_zoom, maxzoom: info.max_zoom,
    };
    for (const layer of this.layersOf(info)) {
      const id = `spot/${info.id}/${layer.type}`;
      this.map.addLayer({ id, ...shared, ...layer } as LayerSpecification);
      this.lit.push(id);
    }
  }

  darken(): void {
    for (const id of this.lit) this.map.removeLayer(id);
    this.lit = [];
  }

  private layersOf({ source, style }: LayerInfo): { type: string; paint: object }[] {
    const { colour, scale } = this;
    if (source.shape === "point") {
      const radius = (style.radius_px ?? 5) * scale;
      const paint = {
        "circle-radius": radius + 5 * scale, "circle-color": colour, "circle-opacity": 0.25,
        "circle-stroke-color": colour, "circle-stroke-width": 2.5 * scale,
      };
      return [{ type: "circle", paint }];
    }
    const line = { type: "line", paint: { "line-color": colour, "line-width": 4 * scale } };
    if (source.shape === "path") return [line];
    return [{ type: "fill", paint: { "fill-color": colour, "fill-opacity": 0.3 } }, line];
  }
}
