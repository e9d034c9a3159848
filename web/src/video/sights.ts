import type { Layer } from "@deck.gl/core";
import { PathLayer, SolidPolygonLayer } from "@deck.gl/layers";
import type { Fleet } from "../live/fleet";
import type { View as Window } from "../live/messages";
import { type Rgb, type Tokens, rgb } from "../tokens";
import type { VideoApi, View } from "./api";
import { type LonLat, sectorPath } from "./geometry";

/** From this zoom on every camera in view shows what it sees. */
export const SIGHTS_ZOOM = 15;
/** Heads turn and lenses zoom: directions come with the frames, the rest is asked for again so often. */
const READ_MS = 5000;
/** So much around the window, degrees: a camera outside may look into it. */
const MARGIN_DEG = 0.004;

/** A figure on the ground, and how much it is to be seen. */
interface Figure {
  path: LonLat[];
  isChosen: boolean;
  isAssumed: boolean;
}

/** What cameras see, drawn on the ground: of all that are in view when the map is near, and of those that are looked at. */
export class Sights {
  private views: View[] = [];
  private near: readonly View[] = [];
  private window: Window | null = null;
  private selected: number | null = null;
  private readAt = 0;
  private turn = 0;
  private readonly colour: Rgb;

  /**
   * @param hidden kinds, by code, that are switched off
   * @param onChange there is something else to draw
   */
  constructor(
    private readonly api: VideoApi,
    private readonly fleet: Fleet,
    private readonly hidden: ReadonlySet<number>,
    tokens: Tokens,
    private readonly scale: number,
    private readonly onChange: () => void,
  ) {
    this.colour = rgb(tokens.accent);
  }

  /** Another window of the map is looked at. */
  look(window: Window): void {
    this.window = window;
    void this.read();
  }

  /** Another thing is selected; null: none. */
  select(id: number | null): void {
    if (id === this.selected) return;
    this.selected = id;
    void this.read();
  }

  /** Those that were found around a place, until others are, or none. */
  point(near: readonly View[]): void {
    this.near = near;
    this.onChange();
  }

  /** Once a second. */
  tick(): void {
    if (!document.hidden && Date.now() - this.readAt > READ_MS) void this.read();
  }

  /** @param isPast another moment is shown: where heads stood then is not known */
  layers(zoom: number, isPast: boolean): Layer[] {
    if (isPast) return [];
    const near = new Set(this.near.map(({ channel }) => channel));
    const others = this.views.filter(({ channel, asset }) => !near.has(channel) && (zoom >= SIGHTS_ZOOM || asset === this.selected));
    const figures = [...others, ...this.near].flatMap((view): Figure[] => {
      const isChosen = near.has(view.channel) || (view.asset !== null && view.asset === this.selected);
      const live = view.asset === null ? null : this.fleet.find(view.asset);
      // One whose icon is not there is hidden, or summed up in a disc.
      if (!isChosen && (live === null || this.hidden.has(live.kind))) return [];
      const at = live === null ? view : { ...view, lon: live.lon, lat: live.lat, heading_deg: Number.isNaN(live.heading_deg) ? view.heading_deg : live.heading_deg };
      return [{ path: sectorPath(at), isChosen, isAssumed: view.assumed }];
    });
    return figures.length === 0 ? [] : drawn("sights", figures, this.colour, this.scale);
  }

  private async read(): Promise<void> {
    const { window, selected } = this;
    const bbox = window !== null && window.zoom >= SIGHTS_ZOOM ? window.bbox : null;
    if (bbox === null && selected === null) {
      this.views = [];
      return;
    }
    const turn = ++this.turn;
    this.readAt = Date.now();
    const wide = bbox?.map((degrees, i) => (degrees + (i < 2 ? -MARGIN_DEG : MARGIN_DEG)).toFixed(5)).map(Number) ?? null;
    // What cannot be read is read again in a moment; the old figures stay until then.
    const views = await this.api.views(wide, selected).catch(() => null);
    if (views === null || turn !== this.turn) return;
    this.views = views;
    this.onChange();
  }
}

/** Figures as layers: a faint face, a thin edge; what is not known for sure has no face. */
export function drawn(id: string, figures: readonly Figure[], colour: Rgb, scale: number): Layer[] {
  return [
    new SolidPolygonLayer<Figure>({
      id: `${id}-faces`,
      data: figures.filter(({ isAssumed }) => !isAssumed),
      getPolygon: ({ path }) => path,
      getFillColor: ({ isChosen }) => [...colour, isChosen ? 64 : 26] as [number, number, number, number],
      updateTriggers: { getFillColor: [figures] },
    }),
    new PathLayer<Figure>({
      id: `${id}-edges`,
      data: figures as Figure[],
      getPath: ({ path }) => path,
      getColor: ({ isChosen }) => [...colour, isChosen ? 230 : 110] as [number, number, number, number],
      getWidth: ({ isChosen }) => (isChosen ? 1.8 : 1) * scale,
      widthUnits: "pixels",
      jointRounded: true,
    }),
  ];
}
