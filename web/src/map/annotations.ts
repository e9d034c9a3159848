import type { Layer } from "@deck.gl/core";
import type { CellPlan } from "../live/cells";
import type { Fleet } from "../live/fleet";
import { type KindStore, LOOKS } from "../live/store";
import { type Rgb, type Tokens, rgb } from "../tokens";
import type { MapCanvas } from "./canvas";
import { type Box, type Shift, findRoom, widthInEms } from "./declutter";
import { type Label, Lettering } from "./lettering";
import { type Singles, singlesOf } from "./layers";
import { Naming } from "./naming";
import type { Place } from "./places";

/** From this zoom on things are named… */
const NAMES_ZOOM = 15;
/** …but no more than this many, those nearest to the middle: more would be a wall of text. */
const MOST_NAMES = 60;
/** Beyond this many marks a name cannot dodge them any more. */
const MOST_MARKS = 3000;
const ALERT = LOOKS.indexOf("alert");
/** Where a district's name may stand, ems from its middle: the nearest first. */
const AROUND: readonly Shift[] = [0, -0.8, 0.8, -1.6, 1.6, -2.4, 2.4]
  .flatMap((y) => [0, -0.8, 0.8, -1.6, 1.6, -2.4, 2.4].map((x): Shift => [x, y]))
  .sort((a, b) => Math.hypot(...a) - Math.hypot(...b));
const AT_REST: Label["glide"] = [0, 0, 0];

/** What is drawn besides names. */
export interface Scene {
  canvas: MapCanvas;
  fleet: Fleet;
  hidden: ReadonlySet<number>;
  selected: number | null;
  /** Discs shown in place of (some) things; null: none. */
  plan: CellPlan | null;
  /** Slots drawn one by one, by kind; null: all. */
  singles: Singles;
  /** Pixels. */
  glyphSize: number;
}

interface Thing {
  id: number;
  store: KindStore;
  slot: number;
}

/** Names over the map: districts, areas when nearer, things when near. */
export class Annotations {
  private readonly lettering: Lettering;
  private readonly naming: Naming;
  private readonly text: Rgb;
  private readonly quiet: Rgb;
  private places: Place[] = [];
  private standing: { labels: Label[]; boxes: Box[] } | null = null;

  /**
   * @param scale enlarges text on a wall
   * @param onChange called when there is more to draw
   */
  constructor(
    tokens: Tokens,
    private readonly scale: number,
    assetsUrl: string,
    onChange: () => void,
  ) {
    this.text = rgb(tokens.text);
    this.quiet = rgb(tokens.quiet);
    this.lettering = new Lettering(tokens, onChange);
    this.naming = new Naming(assetsUrl, onChange);
  }

  setPlaces(places: Place[]): void {
    this.places = places;
    this.settle();
  }

  /** Finds room for the places' names anew at the next drawing: after a move of the map. In between they stay. */
  settle(): void {
    this.standing = null;
  }

  layers(scene: Scene): Layer[] {
    this.standing ??= this.stand(scene);
    const clock = (): number => scene.fleet.clock();
    return [
      ...this.lettering.layers("place-names", this.standing.labels, clock),
      ...this.lettering.layers("thing-names", this.thingNames(scene, this.standing.boxes), clock),
    ];
  }

  private stand(scene: Scene): { labels: Label[]; boxes: Box[] } {
    const { canvas } = scene;
    const size = Math.min(16, Math.max(13.5, 13.5 + (canvas.zoom - 9) * 0.8)) * this.scale;
    const discs = scene.plan === null ? [] : discBoxes(canvas, scene.plan);
    const glyphs = glyphBoxes(scene);
    const boxes: Box[] = [];
    const labels: Label[] = [];
    const put = (level: Place["level"], letters: number, shifts: readonly Shift[]): void => {
      const places = this.places.filter((place) => place.level === level);
      const wishes = places.map(({ name, lon, lat, reach_deg }) => {
        const at = canvas.project(lon, lat);
        return { ...boxOf(at, name, letters), reach: Math.abs(at.y - canvas.project(lon, lat - reach_deg).y) };
      });
      // A name on a number would leave neither legible; a glyph shows beneath a name.
      const taken = [...discs, ...boxes];
      findRoom(wishes, shifts, glyphs, taken).forEach((shift, i) => {
        if (shift === null) return;
        const { name, lon, lat } = places[i];
        labels.push({
          text: name, position: [lon, lat], glide: AT_REST, size: letters, shift: [...shift], colour: this.quiet,
        });
      });
      boxes.push(...taken.slice(discs.length + boxes.length));
    };
    put("district", size, AROUND.map(([x, y]): Shift => [x * size, y * size]));
    put("area", 12.5 * this.scale, [[0, -10 * this.scale]]);
    return { labels, boxes };
  }

  private thingNames(scene: Scene, placeNames: readonly Box[]): Label[] {
    const { canvas, selected, glyphSize } = scene;
    if (canvas.zoom < NAMES_ZOOM) return [];
    const things = nearest(scene);
    this.naming.want(things.map(({ id }) => id));
    const size = 12.5 * this.scale;
    // The same order at every drawing: a name must not come and go with its neighbours' order.
    const urgency = ({ id, store, slot }: Thing): number => (id === selected ? 0 : store.looks[slot] === ALERT ? 1 : 2);
    const named = things
      .filter(({ id }) => this.naming.nameOf(id) !== "")
      .sort((a, b) => urgency(a) - urgency(b) || a.id - b.id);
    const wishes = named.map(({ id, store, slot }) => ({
      ...boxOf(place(canvas, store, slot), this.naming.nameOf(id), size),
      reach: glyphSize,
    }));
    const away = glyphSize * 0.5 + size * 0.55;
    const shifts: Shift[] = [[0, away], [0, -away]];
    // A name on another thing would seem to be that one's.
    return findRoom(wishes, shifts, [], [...placeNames, ...glyphBoxes(scene)]).flatMap((shift, i): Label[] => {
      if (shift === null) return [];
      const { id, store, slot } = named[i];
      const [dlon, dlat, start] = store.glides.subarray(slot * 3, slot * 3 + 3);
      return [
        {
          text: this.naming.nameOf(id),
          position: [store.positions[slot * 2], store.positions[slot * 2 + 1]],
          glide: [dlon, dlat, start],
          size,
          shift: [...shift],
          colour: this.text,
        },
      ];
    });
  }
}

function place(canvas: MapCanvas, store: KindStore, slot: number): { x: number; y: number } {
  const { x, y } = canvas.project(store.positions[slot * 2], store.positions[slot * 2 + 1]);
  return { x, y };
}

function discBoxes(canvas: MapCanvas, plan: CellPlan): Box[] {
  return Array.from(plan.radii, (radius, i) => {
    const { x, y } = canvas.project(plan.positions[i * 2], plan.positions[i * 2 + 1]);
    return { x, y, width: radius * 2, height: radius * 2 };
  });
}

function glyphBoxes({ canvas, fleet, hidden, singles, glyphSize }: Scene): Box[] {
  const boxes: Box[] = [];
  for (const [code, store] of fleet.stores) {
    if (hidden.has(code)) continue;
    const own = singlesOf(singles, code);
    const count = own === null ? store.length : own.length;
    for (let i = 0; i < count; i++) {
      const slot = own === null ? i : own[i];
      if (boxes.length === MOST_MARKS) return boxes;
      boxes.push({ ...place(canvas, store, slot), width: glyphSize * 0.7, height: glyphSize * 0.7 });
    }
  }
  return boxes;
}

function boxOf({ x, y }: { x: number; y: number }, text: string, size: number): Box {
  return { x, y, width: (widthInEms(text) + 0.6) * size, height: size * 1.3 };
}

/** The shown things, at most {@link MOST_NAMES}: those nearest to the middle of the map. */
function nearest({ canvas, fleet, hidden, singles }: Scene): Thing[] {
  const things: (Thing & { distance: number })[] = [];
  const { lng, lat } = canvas.map.getCenter();
  for (const [code, store] of fleet.stores) {
    if (hidden.has(code)) continue;
    const own = singlesOf(singles, code);
    const count = own === null ? store.length : own.length;
    for (let i = 0; i < count; i++) {
      const slot = own === null ? i : own[i];
      const distance = Math.hypot(store.positions[slot * 2] - lng, store.positions[slot * 2 + 1] - lat);
      things.push({ id: store.ids[slot], store, slot, distance });
    }
  }
  return things.length <= MOST_NAMES ? things : things.sort((a, b) => a.distance - b.distance).slice(0, MOST_NAMES);
}
