import type { IControl, LayerSpecification, Map as MapLibreMap } from "maplibre-gl";
import { h } from "../dom";
import type { Tokens } from "../tokens";
import { t } from "../words";

/** One basemap of somebody else, as the server tells of it. */
interface Basemap {
  slug: string;
  title: string;
  tiles: string;
  minzoom: number;
  maxzoom: number;
  attribution: string;
  /** Names of its layers where it has vector tiles; empty: pictures. */
  vector_layers: string[];
}

const SOURCE = "others-basemap";
const CHOICE = "basemap";
/** Below the first line of the map's own style lies the ground. */
const BELOW_LINES = "district-lines";
/** So many tiles that do not come, and the own map is shown again. */
const PATIENCE = 6;

/** What is drawn of a basemap: pictures as they are, shapes in greys that step back. */
export function layersOf(basemap: Basemap, colours: Tokens): LayerSpecification[] {
  if (basemap.vector_layers.length === 0) return [{ id: SOURCE, type: "raster", source: SOURCE, paint: { "raster-fade-duration": 0 } }];
  return basemap.vector_layers.flatMap((name): LayerSpecification[] => {
    const base = { source: SOURCE, "source-layer": name };
    const isWater = name.startsWith("water");
    return [
      {
        id: `${SOURCE}/${name}/fill`, type: "fill", ...base, filter: ["==", ["geometry-type"], "Polygon"],
        paint: { "fill-color": isWater ? colours.ground : colours.line, "fill-opacity": isWater ? 0.9 : 0.25, "fill-antialias": false },
      },
      {
        id: `${SOURCE}/${name}/line`, type: "line", ...base, filter: ["==", ["geometry-type"], "LineString"],
        paint: { "line-color": colours.quiet, "line-opacity": 0.35, "line-width": ["interpolate", ["linear"], ["zoom"], 8, 0.4, 16, 3] },
      },
    ];
  });
}

/** Lets the viewer choose another basemap than our own; nothing to see where none is registered. */
export class BasemapControl implements IControl {
  private readonly select = h("select", { "aria-label": t("底图"), title: t("底图"), onchange: () => this.choose(this.select.value) });
  private readonly element = h("div", { class: "maplibregl-ctrl maplibregl-ctrl-group basemap-choice" }, this.select);
  private map: MapLibreMap | null = null;
  private known: Basemap[] = [];
  private missing = 0;

  constructor(
    private readonly address: string,
    private readonly colours: Tokens,
  ) {}

  onAdd(map: MapLibreMap): HTMLElement {
    this.map = map;
    this.element.hidden = true;
    map.on("error", this.count);
    void this.read();
    return this.element;
  }

  onRemove(): void {
    this.map?.off("error", this.count);
    this.element.remove();
    this.map = null;
  }

  private async read(): Promise<void> {
    const answer = await fetch(this.address).catch(() => null);
    if (answer === null || !answer.ok) return;
    this.known = ((await answer.json()) as { basemaps: Basemap[] }).basemaps;
    if (this.known.length === 0 || this.map === null) return;
    this.select.replaceChildren(h("option", { value: "" }, t("自带底图")), ...this.known.map(({ slug, title }) => h("option", { value: slug }, title)));
    this.element.hidden = false;
    const chosen = localStorage.getItem(CHOICE) ?? "";
    if (!this.known.some(({ slug }) => slug === chosen)) return;
    this.select.value = chosen;
    if (this.map.isStyleLoaded()) this.choose(chosen);
    else void this.map.once("load", () => this.choose(chosen));
  }

  private choose(slug: string): void {
    const map = this.map;
    if (map === null) return;
    localStorage.setItem(CHOICE, slug);
    this.missing = 0;
    for (const { id } of map.getStyle().layers) if (id === SOURCE || id.startsWith(`${SOURCE}/`)) map.removeLayer(id);
    if (map.getSource(SOURCE) !== undefined) map.removeSource(SOURCE);
    const basemap = this.known.find((each) => each.slug === slug);
    if (basemap === undefined) return;
    const shared = {
      tiles: [new URL(basemap.tiles, window.location.href).href.replaceAll("%7B", "{").replaceAll("%7D", "}")],
      minzoom: basemap.minzoom,
      maxzoom: basemap.maxzoom,
      ...(basemap.attribution ? { attribution: basemap.attribution } : {}),
    };
    const isVector = basemap.vector_layers.length > 0;
    map.addSource(SOURCE, isVector ? { type: "vector", ...shared } : { type: "raster", tileSize: 256, ...shared });
    const layers = layersOf(basemap, this.colours);
    for (const layer of layers) map.addLayer(layer, BELOW_LINES);
    // Our own ground may be laid after it, and would then cover it.
    void map.once("idle", () => {
      for (const { id } of layers) if (map.getLayer(id) !== undefined) map.moveLayer(id, BELOW_LINES);
    });
  }

  /** Our own map lies below all the while: where too much of the other is missing it is taken away. */
  private readonly count = (event: object): void => {
    if ((event as { sourceId?: string }).sourceId !== SOURCE) return;
    this.missing += 1;
    if (this.missing < PATIENCE) return;
    this.select.value = "";
    this.choose("");
  };
}
