import type { PickingInfo } from "@deck.gl/core";
import type { Annotator } from "../annotate/annotator";
import type { MapCanvas } from "../map/canvas";
import type { Notices } from "../map/notices";
import type { Topline } from "../map/topline";
import { t } from "../words";
import type { AlertDesk } from "./alertdesk";
import type { Found } from "./api";
import type { Asking } from "./asking/asking";
import type { Focus } from "./focus";
import type { GridLayer } from "./grids";
import { happened } from "./happened";
import type { Inventory } from "./inventory";
import type { District } from "./layerinfo";
import type { Moving } from "./moving";
import type { TimeMachine } from "./past/machine";
import { type Scenery, featureCard } from "./scenery";

/** A click on bare ground looks into its district while the map is further than this. */
const DISTRICT_ZOOM = 11.5;

interface Deps {
  moving: Moving;
  alerts: AlertDesk;
  inventory: Inventory;
  focus: Focus;
  past: TimeMachine;
  asking: Asking;
  annotator: Annotator;
  topline: Topline;
  notices: Notices;
  districts: readonly District[];
}

/** What a click, a search or a key opens over the map, and what closes it. */
export class Opening {
  canvas: MapCanvas | null = null;
  scenery: Scenery | null = null;

  constructor(private readonly deps: Deps) {}

  asset(id: number, place: [number, number] | null): void {
    this.deps.alerts.close();
    if (place !== null) this.scenery?.fly(...place);
    this.deps.moving.selection.select(id);
  }

  /** Opens what an answer's row tells of: a thing with its card, anything else where it is. */
  row(layer: string, id: number, lon: number, lat: number): void {
    const isThing = this.deps.inventory.layers.some((each) => each.id === layer && each.source.type === "live");
    if (isThing) this.asset(id, [lon, lat]);
    else this.scenery?.fly(lon, lat);
  }

  found(found: Found): void {
    const { lon, lat } = found;
    const place: [number, number] | null = lon === null || lat === null ? null : [lon, lat];
    if (found.type === "asset") this.asset(found.id, place);
    else if (place !== null) this.scenery?.fly(...place);
    else this.deps.notices.note(t("{name} 没有位置。", { name: found.title }));
  }

  pick(info: PickingInfo): void {
    if (this.deps.asking.isDrawing || this.deps.annotator.isDrawing) return;
    const { canvas, scenery } = this;
    const { moving, alerts, inventory, focus } = this.deps;
    const { picture, selection } = moving;
    canvas?.hush();
    if (this.deps.annotator.pick(info)) return;
    const id = picture.thingAt(info);
    const disc = picture.discAt(info);
    if (id !== null) {
      this.asset(id, null);
      return;
    }
    if (disc !== null) {
      canvas?.approach(...disc);
      return;
    }
    if (selection.id !== null || alerts.id !== null) {
      selection.clear();
      alerts.close();
      return;
    }
    if (canvas === null || scenery === null) return;
    const found = scenery.ground.featuresAt(info.x, info.y, inventory.layers);
    const [grid] = inventory.shownGrids;
    if (found.length > 0) {
      canvas.say(info.x, info.y, featureCard(found));
    } else if (grid !== undefined) {
      void this.cell(canvas, grid, info.x, info.y);
    } else if (canvas.zoom < DISTRICT_ZOOM) {
      const code = scenery.ground.districtAt(info.x, info.y);
      const district = this.deps.districts.find((each) => each.code === code);
      if (district !== undefined && district !== focus.district) focus.look(district);
    }
  }

  /** Tells of the cell of a risk grid at a point of the screen. */
  private async cell(canvas: MapCanvas, grid: GridLayer, x: number, y: number): Promise<void> {
    const { lng, lat } = canvas.map.unproject([x, y]);
    try {
      const card = await this.deps.inventory.grids.card(grid, lng, lat);
      if (card !== null) canvas.say(x, y, card);
    } catch (error) {
      this.deps.notices.note(t("网格读取失败：{what}。", { what: happened(error) }));
    }
  }

  /** Closes what lies over the map, one thing at a time; then looks at the whole again. */
  close(): void {
    const { alerts, annotator, asking, inventory, focus, past, topline } = this.deps;
    const { selection } = this.deps.moving;
    this.canvas?.hush();
    topline.close();
    if (alerts.id !== null) alerts.close();
    else if (asking.isDrawing) asking.back();
    else if (annotator.isDrawing) annotator.back();
    else if (selection.id !== null) selection.clear();
    else if (asking.isOpen) asking.back();
    else if (annotator.isOpen) annotator.back();
    else if (inventory.spotlight.target !== null) inventory.spotlight.clear();
    else if (past.isPast) past.present();
    else if (focus.district !== null) focus.look(null);
  }
}
