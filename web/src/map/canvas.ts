import type { Layer, PickingInfo } from "@deck.gl/core";
import { MapLibreOverlay } from "@deck.gl/maplibre";
import {
  AttributionControl,
  type LngLatBoundsLike,
  Map as MapLibreMap,
  NavigationControl,
  Popup,
  ScaleControl,
  setWorkerUrl,
} from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url";
import { type TileLayerInfo, fetchTileLayers } from "../api";
import type { Boot } from "../boot";
import type { View } from "../live/messages";
import type { Tokens } from "../tokens";
import { t } from "../words";
import { AREA_LAYER, baseStyle, hatchImage } from "./basemap";
import { BasemapControl } from "./basemaps";
import { type Place, watchPlaces } from "./places";

setWorkerUrl(workerUrl);

const VIEW_WAIT_MS = 150;
const FADE_MS = 300;
const DOUBLE_CLICK_MS = 400;
/** A thing that was chosen keeps this far from the edges and from the card, pixels. */
const REVEAL_PX = 64;

/** What the tiles tell about an area. */
export interface AreaProperties {
  id: number;
  name: string;
  kind: string;
  version: number;
}

interface CanvasHandlers {
  onView(view: View): void;
  onZoom(): void;
  onPick(info: PickingInfo): void;
  /** Other named places are in the loaded tiles. */
  onPlaces(places: Place[]): void;
  /** A tile could not be read: HTTP status, or undefined when no answer came. */
  onTileProblem(status: number | undefined): void;
}

/** The map with deck.gl over it: base style, camera, and the layers it is given. */
export class MapCanvas {
  isReady = false;
  private layers: Layer[] = [];
  private popup: Popup | null = null;
  private viewTimer: ReturnType<typeof setTimeout> | undefined;

  private constructor(
    readonly map: MapLibreMap,
    /** What tile layers there are, by name. */
    readonly tileLayers: ReadonlyMap<string, TileLayerInfo>,
    private readonly overlay: MapLibreOverlay,
    private readonly handlers: CanvasHandlers,
  ) {}

  static async open(
    container: HTMLElement,
    boot: Boot,
    colours: Tokens,
    scale: number,
    padding: { left: number; right: number; top: number; bottom: number },
    handlers: CanvasHandlers,
  ): Promise<MapCanvas> {
    const tileLayers = await fetchTileLayers(boot.urls.tiles);
    const [west, south, east, north] = boot.bounds;
    // Names fade in and colours change over time, drawn frame by frame, but where people asked for less motion.
    const duration = window.matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : FADE_MS;
    const map = new MapLibreMap({
      container,
      style: { ...baseStyle(boot.urls.tiles, tileLayers, colours, scale), transition: { duration, delay: 0 } },
      fadeDuration: duration,
      bounds: [west, south, east, north] as LngLatBoundsLike,
      fitBoundsOptions: { padding },
      // The address keeps the view, so that a reloaded page, or one in another language, shows the same place.
      hash: "view",
      attributionControl: false,
      maxPitch: 60,
      locale: {
        "NavigationControl.ZoomIn": t("放大"),
        "NavigationControl.ZoomOut": t("缩小"),
        "NavigationControl.ResetBearing": t("拖动旋转，点击正北"),
        "AttributionControl.ToggleAttribution": t("数据来源"),
        "Map.Title": t("地图"),
        "Popup.Close": t("关闭"),
      },
    });
    const hatch = hatchImage(colours["grade-orange"]);
    map.once("style.load", () => map.addImage(hatch.name, hatch.data, { pixelRatio: 2 }));
    map.addControl(new NavigationControl({ visualizePitch: true }), "bottom-right");
    map.addControl(new BasemapControl(boot.urls.basemaps, colours), "bottom-right");
    map.addControl(new ScaleControl({ maxWidth: 120, unit: "metric" }), "bottom-left");
    if (boot.attribution) {
      map.addControl(new AttributionControl({ compact: false, customAttribution: boot.attribution }), "bottom-left");
    }
    let clicked = Number.NEGATIVE_INFINITY;
    const overlay = new MapLibreOverlay({
      interleaved: false,
      layers: [],
      pickingRadius: window.matchMedia("(pointer: coarse)").matches ? 16 : 6,
      onClick: (info: PickingInfo, { srcEvent }: { srcEvent: Event }) => {
        // What a double click's first opened is not to be closed by its second, beside which it may stand by now.
        const isSecond = srcEvent.timeStamp - clicked < DOUBLE_CLICK_MS;
        clicked = srcEvent.timeStamp;
        if (!isSecond) handlers.onPick(info);
      },
      onHover: (info: PickingInfo) => {
        map.getCanvas().style.cursor = info.picked ? "pointer" : "";
      },
    });
    map.addControl(overlay as never);
    const canvas = new MapCanvas(map, tileLayers, overlay, handlers);
    canvas.listen(boot.language);
    return canvas;
  }

  /** Whether the view is at rest, its tiles are there and drawn. */
  get isSettled(): boolean {
    return this.map.loaded() && !this.map.isMoving();
  }

  /** Shows these layers, the last on top. */
  show(layers: Layer[]): void {
    this.layers = layers;
    this.overlay.setProps({ layers });
  }

  /** Draws what is shown anew, without giving it anything. */
  redraw(): void {
    for (const layer of this.layers) layer.setNeedsRedraw();
  }

  get zoom(): number {
    return this.map.getZoom();
  }

  view(): View {
    const bounds = this.map.getBounds();
    return {
      bbox: [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()],
      zoom: this.map.getZoom(),
    };
  }

  /** Where a place is drawn, pixels from the map's corner. */
  project(lon: number, lat: number): { x: number; y: number } {
    return this.map.project([lon, lat]);
  }

  /** The areas drawn at a point (pixels from the map's corner). */
  areasAt(x: number, y: number): AreaProperties[] {
    const found = this.map.queryRenderedFeatures([x, y], { layers: [AREA_LAYER] });
    // A tile's edge cuts an area into pieces that overlap.
    return [...new Map(found.map(({ properties }) => [properties.id, properties as AreaProperties])).values()];
  }

  /** Says what is drawn at a point; until it is closed or something else is said. */
  say(x: number, y: number, content: HTMLElement): void {
    this.hush();
    this.popup = new Popup({ closeOnClick: false, className: "saying", maxWidth: "none" })
      .setLngLat(this.map.unproject([x, y]))
      .setDOMContent(content)
      .addTo(this.map);
  }

  hush(): void {
    this.popup?.remove();
    this.popup = null;
  }

  /** One step nearer (1) or further (-1). */
  step(direction: 1 | -1): void {
    this.map.zoomTo(Math.round(this.zoom) + direction, { duration: 250 });
  }

  /** Goes nearer to a cell, to see what it sums up. */
  approach(lon: number, lat: number): void {
    this.map.easeTo({ center: [lon, lat], zoom: Math.min(this.zoom + 2, 16), duration: 600 });
  }

  /** Brings a place, with room for its ring and name, into the part of the map that `cover` leaves free; a place already there stays. */
  reveal(lon: number, lat: number, cover: DOMRect): void {
    const { x, y } = this.map.project([lon, lat]);
    const { width, height } = this.map.getContainer().getBoundingClientRect();
    const isInside = x > REVEAL_PX && y > REVEAL_PX && x < width - REVEAL_PX && y < height - REVEAL_PX;
    const isCovered =
      x > cover.left - REVEAL_PX && x < cover.right + REVEAL_PX && y > cover.top - REVEAL_PX && y < cover.bottom + REVEAL_PX;
    if (isInside && !isCovered) return;
    const isBelow = cover.width > width / 2;
    const offset: [number, number] = isBelow ? [0, -cover.height / 2] : [-cover.width / 2, 0];
    this.map.easeTo({ center: [lon, lat], offset, duration: 600 });
  }

  private listen(language: string): void {
    const { map } = this;
    map.once("load", () => {
      this.isReady = true;
    });
    map.on("moveend", () => {
      clearTimeout(this.viewTimer);
      this.viewTimer = setTimeout(() => this.handlers.onView(this.view()), VIEW_WAIT_MS);
    });
    map.on("zoomend", () => this.handlers.onZoom());
    map.on("error", ({ error }) => {
      const status = (error as Error & { status?: number }).status;
      this.handlers.onTileProblem(status);
    });
    watchPlaces(map, language, (places) => this.handlers.onPlaces(places));
  }
}
