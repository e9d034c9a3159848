import type { Replay, SceneView } from "../director/protocol";
import type { MapCanvas } from "../map/canvas";
import type { Selection } from "../map/selection";
import type { AlertDesk } from "./alertdesk";
import type { Fold } from "./bottom";
import type { Focus } from "./focus";
import type { District, LayerInfo } from "./layerinfo";
import type { TimeMachine } from "./past/machine";
import type { Scenery } from "./scenery";
import type { Tree } from "./tree";

/** Longest time a flight is waited for, ms; a map that cannot draw must not keep the director waiting. */
const FLIGHT_MS = 6000;

/** A panel that folds. */
export interface Folding {
  readonly isFolded: boolean;
  fold(isFolded: boolean): void;
}

/** A part of the foot as a panel. */
export function asPanel(part: Fold): Folding {
  return {
    get isFolded() {
      return !part.isOpen;
    },
    fold: (isFolded) => part.open(!isFolded),
  };
}

/** What the screen lets itself be told: the only things the director touches. */
interface Parts {
  canvas: MapCanvas;
  scenery: Scenery;
  tree: Tree;
  alerts: AlertDesk;
  selection: Selection;
  panels: ReadonlyMap<string, Folding>;
  districts: readonly District[];
  layers(): readonly LayerInfo[];
  focus: Focus;
  past: TimeMachine;
  openAsset(id: number): void;
  /** The map was turned flat or upright. */
  turned(): void;
  hushed(): void;
}

/** The screen as a director sees it: what is on it, and what can be changed. */
export class Stage {
  constructor(private readonly parts: Parts) {}

  view(): SceneView {
    const { map } = this.parts.canvas;
    const { lng, lat } = map.getCenter();
    return { lon: lng, lat, zoom: map.getZoom(), pitch: map.getPitch(), bearing: map.getBearing() };
  }

  /** Calls after each movement of the map. */
  onMoved(then: () => void): void {
    this.parts.canvas.map.on("moveend", then);
  }

  /** Flies to a view; done when the map stands. */
  fly(view: SceneView): Promise<void> {
    this.parts.scenery.go(view);
    this.parts.turned();
    return this.landed();
  }

  /** Flies to a place, near enough to see it, or to a zoom. */
  approach(lon: number, lat: number, zoom: number | null): Promise<void> {
    if (zoom === null) this.parts.scenery.fly(lon, lat);
    else this.parts.scenery.go({ ...this.view(), lon, lat, zoom });
    return this.landed();
  }

  zoom(by: number): Promise<void> {
    const { map } = this.parts.canvas;
    map.zoomTo(map.getZoom() + by, { duration: 500 });
    return this.landed();
  }

  get isSolid(): boolean {
    return this.parts.scenery.isSolid;
  }

  stand(isSolid: boolean): Promise<void> {
    if (isSolid === this.isSolid) return Promise.resolve();
    this.parts.scenery.turn();
    this.parts.turned();
    return this.landed();
  }

  layers(): string[] {
    return this.parts.layers().filter((layer) => this.parts.tree.isShown(layer)).map(({ id }) => id);
  }

  /** Shows these layers and no other; says how many of them this screen does not have. */
  showLayers(ids: readonly string[]): number {
    this.parts.tree.showOnly(new Set(ids));
    const known = new Set(this.parts.layers().map(({ id }) => id));
    return ids.filter((id) => !known.has(id)).length;
  }

  /** Switches one layer; false where this screen does not have it. */
  showLayer(id: string, isShown: boolean): boolean {
    const shown = new Set(this.layers());
    if (isShown) shown.add(id);
    else shown.delete(id);
    this.parts.tree.showOnly(shown);
    return this.parts.layers().some((each) => each.id === id);
  }

  get district(): string {
    return this.parts.focus.district?.code ?? "";
  }

  /** Looks into a district, or at everything (""); false where it is not this screen's. */
  look(code: string): boolean {
    const district = this.parts.districts.find((each) => each.code === code) ?? null;
    if (district === null && code !== "") return false;
    if (district !== this.parts.focus.district) this.parts.focus.look(district);
    return true;
  }

  /** Shows all that this screen may see, whatever it looked into. */
  home(): Promise<void> {
    this.close();
    this.parts.focus.look(null);
    return this.landed();
  }

  /** The moment of the past that is shown; null: the present. */
  get past(): number | null {
    return this.parts.past.moment;
  }

  /** Shows the past together with other walls; null: the present again. */
  replay(replay: Replay | null): void {
    if (replay === null) this.parts.past.present();
    else this.parts.past.follow(replay);
  }

  folded(): string[] {
    return [...this.parts.panels].filter(([, panel]) => panel.isFolded).map(([name]) => name);
  }

  fold(names: readonly string[]): void {
    for (const [name, panel] of this.parts.panels) {
      if (panel.isFolded !== names.includes(name)) panel.fold(!panel.isFolded);
    }
  }

  get asset(): number | null {
    return this.parts.selection.id;
  }

  get alert(): number | null {
    return this.parts.alerts.id;
  }

  openAsset(id: number): void {
    this.parts.openAsset(id);
  }

  openAlert(id: number): void {
    this.parts.alerts.open(id);
  }

  /** Closes cards. */
  close(): void {
    this.parts.alerts.close();
    this.parts.selection.clear();
  }

  get isLoud(): boolean {
    return this.parts.alerts.tones.isOn;
  }

  hush(): void {
    this.parts.alerts.tones.hush();
    this.parts.hushed();
  }

  private landed(): Promise<void> {
    const { map } = this.parts.canvas;
    if (!map.isMoving()) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, FLIGHT_MS);
      void map.once("moveend", () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}
