import type { Layer } from "@deck.gl/core";
import type { AssetDetail } from "../api";
import type { Boot } from "../boot";
import type { Fleet } from "../live/fleet";
import type { View as Window } from "../live/messages";
import type { MapCanvas } from "../map/canvas";
import type { Clock } from "../time";
import { type Rgb, type Tokens, rgb } from "../tokens";
import { t } from "../words";
import { type NearCamera, VideoApi } from "./api";
import { Beside } from "./beside";
import { Dock } from "./dock";
import { type Flight, REACH_M, flightOf } from "./flying";
import { footprint } from "./geometry";
import { OnCard } from "./oncard";
import { Sights, drawn } from "./sights";
import { stamper } from "./stamp";

/** Cameras "near" an alert that are opened at once. */
const MOST_NEAR = 4;

interface Deps {
  boot: Boot;
  clock: Clock;
  fleet: Fleet;
  /** Kinds, by code, that are switched off. */
  hidden: ReadonlySet<number>;
  tokens: Tokens;
  scale: number;
  /** What lies over the map on its right; null: nothing. */
  cover(): DOMRect | null;
  /** How much of the page's edges the panels take, pixels. */
  free(): { left: number; right: number; top: number; bottom: number };
  onChange(): void;
}

/** Video on a page with a map: pictures, fields of view, footprints, buttons on cards, and what is near a place. */
export class OnMap {
  readonly dock: Dock;
  readonly beside: Beside;
  readonly card: OnCard;
  private readonly api: VideoApi;
  private readonly sights: Sights;
  private readonly colour: Rgb;
  private canvas: MapCanvas | null = null;
  private detail: AssetDetail | null = null;

  constructor(private readonly deps: Deps) {
    const { boot, clock, fleet, hidden, tokens, scale, onChange } = deps;
    this.api = new VideoApi(boot.urls.video, boot.csrf);
    this.colour = rgb(tokens.accent);
    const now = stamper(clock, boot.time_zone);
    this.dock = new Dock(this.api, now, () => this.sights.point([]));
    this.beside = new Beside(this.api, now, { at: (id) => this.project(id), cover: () => deps.cover(), free: () => deps.free() }, (camera) => this.dock.show([camera]));
    this.card = new OnCard(this.api, this.dock, this.beside, onChange);
    this.sights = new Sights(this.api, fleet, hidden, tokens, scale, onChange);
  }

  /** What lies over the map. */
  get elements(): HTMLElement[] {
    return [this.dock.element, this.beside.element];
  }

  /** Draws on this map from now on. */
  on(canvas: MapCanvas): void {
    this.canvas = canvas;
    this.look(canvas.view());
  }

  /** Another window of the map is looked at. */
  look(window: Window): void {
    this.sights.look(window);
  }

  /** Another thing is selected; null: none. */
  select(id: number | null): void {
    if (id !== this.detail?.id) this.detail = null;
    this.sights.select(id);
  }

  /** Its details were read. */
  tell(detail: AssetDetail): void {
    this.detail = detail;
    this.card.tell(detail);
  }

  /** Once a second. */
  tick(): void {
    this.sights.tick();
  }

  /** What lies on the ground beneath what moves. */
  layers(isPast: boolean): Layer[] {
    if (this.canvas === null) return [];
    return [...this.sights.layers(this.canvas.zoom, isPast), ...this.footprint(isPast)];
  }

  /** Shows the cameras around a place, degrees: those of the thing it is about come first, then those that look at it. */
  async near(lon: number, lat: number, about: number | null): Promise<NearCamera[]> {
    const cameras = await this.api.near(lon, lat, MOST_NEAR, about);
    if (cameras.length > 0) this.dock.show(cameras);
    this.sights.point(cameras.flatMap(({ view }) => (view === null ? [] : [view])));
    return cameras;
  }

  private footprint(isPast: boolean): Layer[] {
    const flight = isPast ? null : this.flight();
    const found = flight === null ? null : footprint(flight.pose, REACH_M);
    const words = flight === null || found === null ? "" : found.isCut ? `${flight.words} · ${t("看到地平线，只画到 {n} 公里", { n: REACH_M / 1000 })}` : flight.words;
    this.card.say(words === "" ? "" : t("地面覆盖：{what}", { what: words }));
    if (flight === null || found === null) return [];
    return drawn("footprint", [{ path: found.path, isChosen: true, isAssumed: flight.isAssumed }], this.colour, this.deps.scale);
  }

  private flight(): Flight | null {
    if (this.detail === null) return null;
    return flightOf(this.detail, this.deps.fleet.find(this.detail.id), this.card.carried);
  }

  private project(id: number): { x: number; y: number } | null {
    const at = this.deps.fleet.drawnAt(id);
    if (at === null || this.canvas === null) return null;
    const { x, y } = this.canvas.project(...at);
    const { left, top } = this.canvas.map.getContainer().getBoundingClientRect();
    return { x: left + x, y: top + y };
  }
}
