import type { Layer, PickingInfo } from "@deck.gl/core";
import { type CellPlan, planCells } from "../live/cells";
import { CROWDS_BELOW_ZOOM, type Crowd, gatherCrowd } from "../live/crowd";
import type { Fleet } from "../live/fleet";
import type { CellColumns } from "../live/frames";
import { type Sieve, narrowed } from "../live/sieve";
import type { KindStore } from "../live/store";
import type { Rgb } from "../tokens";
import type { Annotations } from "./annotations";
import type { MapCanvas } from "./canvas";
import { DISCS } from "./discs";
import { EMPHASIS, type LayerMaker, type Singles, THINGS } from "./layers";
import type { Place } from "./places";
import type { Selection } from "./selection";

/** Crowds are counted anew at most this often, ms: at their zooms a second's way is a pixel. */
const RECOUNT_MS = 900;
/** How much is seen of the rest while something is emphasised. */
const DIMMED = 0.28;

/** Which moving things stand out. */
export interface Emphasis {
  /** Looks that do, by the kind's code: a bit each. */
  looks(kind: number): number;
  /** Only these; null: all with such a look. */
  ids: ReadonlySet<number> | null;
}

/** What is on the map: things, discs that count them, the selected one's track, names. */
export class Picture {
  /** What stands out; null: nothing, or everything alike. */
  emphasis: Emphasis | null = null;
  /** What is drawn beneath what moves. */
  below: () => readonly Layer[] = () => [];
  /** What is drawn above it, beneath names. */
  above: () => readonly Layer[] = () => [];
  private crowd: Crowd | null = null;
  private crowdAt = 0;
  private isStale = true;
  private plan: CellPlan | null = null;
  private singles: Singles = null;
  private emphasised = new Map<number, Uint32Array>();

  /**
   * @param sieve what is let through to the map
   * @param scale enlarges symbols on a wall
   * @param trackColour of the selected thing's way
   */
  constructor(
    private readonly fleet: Fleet,
    private readonly layers: LayerMaker,
    private readonly annotations: Annotations,
    private readonly sieve: Sieve,
    private readonly scale: number,
    private readonly trackColour: Rgb,
  ) {}

  /** Whether things that came one by one are counted on the page, which needs a drawing each second. */
  get isCounting(): boolean {
    return this.crowd !== null;
  }

  /** Ids of the things that stand out. */
  standingOut(): number[] {
    return [...this.emphasised].flatMap(([code, slots]) => Array.from(slots, (slot) => this.fleet.stores.get(code)?.ids[slot] ?? 0));
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
    const { fleet, layers, sieve, emphasis } = this;
    const { zoom } = canvas;
    const { id } = selection;
    const { hidden } = sieve;
    this.lay(cells, zoom, id);
    const { plan, singles } = this;
    this.emphasised = emphasis === null ? new Map() : this.findEmphasised(emphasis);
    // Where the server counts, what stands out is a count itself.
    const opacity = emphasis === null || cells !== null ? 1 : DIMMED;
    const shown = [...this.below()];
    if (id !== null) shown.push(layers.track(selection.stretches(this.trackColour)));
    shown.push(...layers.things(fleet, hidden, zoom, singles, opacity));
    if (plan !== null) shown.push(...layers.discs(plan, opacity));
    shown.push(...layers.emphasis(fleet, this.emphasised, zoom));
    if (id !== null) shown.push(...layers.selection(fleet, id, selection.place(), zoom));
    shown.push(...this.above());
    const glyphSize = layers.glyphSize(zoom);
    shown.push(...this.annotations.layers({ canvas, fleet, hidden, selected: id, plan, singles, glyphSize }));
    canvas.show(shown);
  }

  /** Id of a picked thing, or null. */
  thingAt(info: PickingInfo): number | null {
    const layer = info.layer?.id ?? "";
    const prefix = [THINGS, EMPHASIS].find((each) => layer.startsWith(each));
    if (prefix === undefined || info.index < 0) return null;
    const code = Number(layer.slice(prefix.length));
    const store = this.fleet.stores.get(code);
    const slots = prefix === EMPHASIS ? this.emphasised.get(code) : this.singles?.get(code);
    const slot = slots ? slots[info.index] : info.index;
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
    const { sieve, scale, emphasis } = this;
    const isStale = this.isStale;
    this.isStale = false;
    if (cells !== null) {
      this.crowd = null;
      this.singles = new Map();
      if (!isStale && this.plan !== null) return;
      const shown = sieve.cells(cells);
      const counted = emphasis === null || emphasis.ids !== null ? shown : narrowed(shown, (kind) => emphasis.looks(kind));
      this.plan = planCells(counted, sieve.hidden, zoom, scale);
    } else if (zoom >= CROWDS_BELOW_ZOOM) {
      this.crowd = this.plan = null;
      this.singles = sieve.isOpen ? null : new Map([...this.fleet.stores].map(([code, store]) => [code, sieve.slots(code, store)]));
    } else if (isStale || this.crowd === null || Date.now() - this.crowdAt > RECOUNT_MS) {
      this.crowdAt = Date.now();
      this.crowd = gatherCrowd(this.fleet, sieve, zoom, scale, selected);
      this.singles = this.crowd.singles;
      this.plan = planCells(this.crowd.cells, sieve.hidden, zoom, scale, this.crowd.square_px);
    }
  }

  private findEmphasised({ looks, ids }: Emphasis): Map<number, Uint32Array> {
    const found = new Map<number, Uint32Array>();
    for (const [code, store] of this.fleet.stores) {
      const mask = this.sieve.hidden.has(code) ? 0 : looks(code) & this.sieve.looks(code);
      if (mask !== 0) found.set(code, slotsOf(store, mask, ids));
    }
    return found;
  }
}

/** Slots of the things with such looks, and of these ids (null: any). */
function slotsOf(store: KindStore, looks: number, ids: ReadonlySet<number> | null): Uint32Array {
  const slots: number[] = [];
  for (let slot = 0; slot < store.length; slot++) {
    if ((looks >> store.looks[slot]) & 1 && (ids === null || ids.has(store.ids[slot]))) slots.push(slot);
  }
  return Uint32Array.from(slots);
}
