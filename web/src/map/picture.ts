import type { PickingInfo } from "@deck.gl/core";
import { type CellPlan, planCells } from "../live/cells";
import { CROWDS_BELOW_ZOOM, type Crowd, gatherCrowd } from "../live/crowd";
import type { Fleet } from "../live/fleet";
import type { CellColumns } from "../live/frames";
import type { Rgb } from "../tokens";
import type { Annotations } from "./annotations";
import type { MapCanvas } from "./canvas";
import { DISCS } from "./discs";
import { type LayerMaker, THINGS } from "./layers";
import type { Place } from "./places";
import type { Selection } from "./selection";

/** Crowds are counted anew at most this often, ms: at their zooms a second's way is a pixel. */
const RECOUNT_MS = 900;

/** What is on the map: things, discs that count them, the selected one's track, names. */
export class Picture {
  private crowd: Crowd | null = null;
  private crowdAt = 0;
  private isStale = true;
  private plan: CellPlan | null = null;

  /**
   * @param hidden codes of the kinds that are switched off
   * @param scale enlarges symbols on a wall
   * @param trackColour of the selected thing's way
   */
  constructor(
    private readonly fleet: Fleet,
    private readonly layers: LayerMaker,
    private readonly annotations: Annotations,
    private readonly hidden: ReadonlySet<number>,
    private readonly scale: number,
    private readonly trackColour: Rgb,
  ) {}

  /** Whether things that came one by one are counted on the page, which needs a drawing each second. */
  get isCounting(): boolean {
    return this.crowd !== null;
  }

  setPlaces(places: Place[]): void {
    this.annotations.setPlaces(places);
  }

  /** To be called when the map stands still after a move. */
  settle(): void {
    this.annotations.settle();
  }

  /** Counts anew at the next drawing: what there is has changed, or what is looked at. */
  recount(): void {
    this.isStale = true;
  }

  /** Lays everything out anew at the next drawing. */
  forget(): void {
    this.recount();
    this.settle();
  }

  draw(canvas: MapCanvas, cells: CellColumns | null, selection: Selection): void {
    const { fleet, layers, hidden } = this;
    const { zoom } = canvas;
    const { id } = selection;
    this.lay(cells, zoom, id);
    const { plan } = this;
    const singles = cells === null ? (this.crowd?.singles ?? null) : new Map<number, Uint32Array>();
    const shown = [];
    if (id !== null) shown.push(layers.track(selection.stretches(this.trackColour)));
    shown.push(...layers.things(fleet, hidden, zoom, singles));
    if (plan !== null) shown.push(...layers.discs(plan));
    if (id !== null) shown.push(...layers.selection(fleet, id, selection.place(), zoom));
    const glyphSize = layers.glyphSize(zoom);
    shown.push(...this.annotations.layers({ canvas, fleet, hidden, selected: id, plan, singles, glyphSize }));
    canvas.show(shown);
  }

  /** Id of a picked thing, or null. */
  thingAt(info: PickingInfo): number | null {
    const layer = info.layer?.id;
    if (!layer?.startsWith(THINGS) || info.index < 0) return null;
    const code = Number(layer.slice(THINGS.length));
    const store = this.fleet.stores.get(code);
    const slot = this.crowd === null ? info.index : this.crowd.singles.get(code)?.[info.index];
    return store !== undefined && slot !== undefined && slot < store.length ? store.ids[slot] : null;
  }

  /** Place of a picked disc, degrees; or null. */
  discAt(info: PickingInfo): [lon: number, lat: number] | null {
    if (info.layer?.id !== DISCS || this.plan === null || info.index < 0) return null;
    const { positions } = this.plan;
    return [positions[info.index * 2], positions[info.index * 2 + 1]];
  }

  /** Counts what lies close together: the server's cells, or while the map shows a city what came one by one. */
  private lay(cells: CellColumns | null, zoom: number, selected: number | null): void {
    const { hidden, scale } = this;
    const isStale = this.isStale;
    this.isStale = false;
    if (cells !== null) {
      this.crowd = null;
      if (isStale || this.plan === null) this.plan = planCells(cells, hidden, zoom, scale);
    } else if (zoom >= CROWDS_BELOW_ZOOM) {
      this.crowd = this.plan = null;
    } else if (isStale || Date.now() - this.crowdAt > RECOUNT_MS) {
      this.crowdAt = Date.now();
      this.crowd = gatherCrowd(this.fleet, hidden, zoom, scale, selected);
      this.plan = planCells(this.crowd.cells, hidden, zoom, scale, this.crowd.square_px);
    }
  }
}
