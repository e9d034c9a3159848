import { h } from "../dom";
import type { SceneView } from "../director/protocol";
import type { MapCanvas } from "../map/canvas";
import type { Notices } from "../map/notices";
import { type Tokens, rgb } from "../tokens";
import { t } from "../words";
import type { ScreenApi } from "./api";
import { Buildings } from "./buildings";
import { Ground, mix } from "./ground";
import { happened } from "./happened";
import type { District, LayerInfo } from "./layerinfo";

/** How the map is tilted when it stands. */
const PITCH = 56;
const BEARING = -18;
/** Tilted more than this, the map stands, degrees. */
const SOLID_PITCH = 20;
/** A place that is flown to is looked at from here, unless the map is nearer already. */
const NEAR_ZOOM = 15.5;

/** The room that panels leave free, CSS pixels. */
export interface Free {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

type Box = [west: number, south: number, east: number, north: number];

/** The scene and the camera: ground, volumes, buildings; flat or standing; flights. */
export class Scenery {
  isSolid = false;
  /** What the map was framed on, until it moves elsewhere. */
  private framed: Box | null = null;
  private buildings: Buildings | null = null;

  private constructor(
    private readonly canvas: MapCanvas,
    readonly ground: Ground,
    private readonly free: () => Free,
  ) {}

  static async build(
    canvas: MapCanvas,
    api: ScreenApi,
    tilesUrl: string,
    tokens: Tokens,
    scale: number,
    notices: Notices,
    free: () => Free,
  ): Promise<Scenery> {
    const ground = await Ground.lay(canvas, tilesUrl, tokens, scale);
    const scenery = new Scenery(canvas, ground, free);
    try {
      const tilesets = await api.tilesets();
      if (tilesets.length > 0) {
        let isTold = false;
        scenery.buildings = new Buildings(canvas.map, tilesets, ground.belowBuildings, rgb(mix(tokens.line, tokens.quiet, 0.48)), (what) => {
          if (!isTold) notices.note(t("三维建筑读取失败：{what}。", { what }));
          isTold = true;
        });
        ground.leaveBuildings();
      }
    } catch (error) {
      notices.note(t("三维建筑读取失败：{what}。", { what: happened(error) }));
    }
    scenery.isSolid = canvas.map.getPitch() > SOLID_PITCH;
    scenery.stand();
    return scenery;
  }

  /** Changes between flat and standing. */
  turn(): void {
    this.isSolid = !this.isSolid;
    this.stand();
    this.canvas.map.easeTo({
      pitch: this.isSolid ? PITCH : 0,
      bearing: this.isSolid ? BEARING : 0,
      duration: 900,
    });
  }

  /** Shows a box in the free part of the map. */
  frame(box: Box): void {
    this.canvas.map.fitBounds(box, {
      padding: this.free(),
      pitch: this.isSolid ? PITCH : 0,
      bearing: this.isSolid ? BEARING : 0,
      duration: 1200,
    });
    this.framed = box; // only now: setting out forgets what was framed
  }

  /** The panels leave another part free than before: shows there what was framed, unless the map has moved since. */
  reframe(): void {
    if (this.framed !== null) this.frame(this.framed);
  }

  /** Flies to a view, flat or standing as it is. */
  go({ lon, lat, zoom, pitch, bearing }: SceneView): void {
    this.isSolid = pitch > SOLID_PITCH;
    this.stand();
    this.canvas.map.flyTo({ center: [lon, lat], zoom, pitch, bearing, duration: 2000 });
  }

  /** Flies to a place, to the middle of the free part of the map. */
  fly(lon: number, lat: number): void {
    const { left, right, top, bottom } = this.free();
    this.canvas.map.flyTo({
      center: [lon, lat],
      offset: [(left - right) / 2, (top - bottom) / 2],
      zoom: Math.max(NEAR_ZOOM, this.canvas.zoom),
      duration: 1600,
    });
  }

  focus(district: District | null): void {
    this.ground.focus(district);
  }

  private stand(): void {
    this.ground.stand(this.isSolid);
    this.buildings?.show(this.isSolid);
  }
}

/** What tiles tell of the things at a place, by the fields of their layers' cards. */
export function featureCard(found: readonly { info: LayerInfo; properties: Record<string, unknown> }[]): HTMLElement {
  return h(
    "ul",
    { class: "areas" },
    ...found.map(({ info, properties }) => {
      const facts = info.card.filter(({ field }) => properties[field] != null && properties[field] !== "");
      const [first, ...rest] = facts;
      const shown = rest.flatMap(({ field, title, unit }) => [
        h("dt", {}, title),
        h("dd", {}, `${String(properties[field])}${unit ? ` ${unit}` : ""}`),
      ]);
      return h(
        "li",
        { class: "area" },
        h("strong", {}, first === undefined ? info.title : String(properties[first.field])),
        h("span", { class: "quiet" }, info.title),
        shown.length > 0 ? h("dl", { class: "feature" }, ...shown) : null,
      );
    }),
  );
}
