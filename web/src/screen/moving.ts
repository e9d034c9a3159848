import type { Annotator } from "../annotate/annotator";
import type { AssetColumns } from "../live/frames";
import type { Stream } from "../live/stream";
import { Annotations } from "../map/annotations";
import { Brush } from "../map/brush";
import type { MapCanvas } from "../map/canvas";
import { Card } from "../map/card";
import { type LayerMaker, lookColours } from "../map/layers";
import type { Notices } from "../map/notices";
import { Picture } from "../map/picture";
import { Selection } from "../map/selection";
import type { Clock } from "../time";
import { type Tokens, rgb } from "../tokens";
import { OnMap } from "../video/onmap";
import type { ScreenApi } from "./api";
import type { ScreenBoot } from "./boot";
import { Dossier } from "./dossier";
import type { Inventory } from "./inventory";
import type { MapClock } from "./past/mapclock";
import type { Free } from "./scenery";
import { Wake } from "./wake";

interface Deps {
  boot: ScreenBoot;
  api: ScreenApi;
  clock: Clock;
  /** Of the moment that the map shows. */
  mapClock: MapClock;
  tokens: Tokens;
  scale: number;
  stream: Stream;
  makers: LayerMaker;
  inventory: Inventory;
  notices: Notices;
  annotations: Annotator;
  /** The room that panels leave. */
  free: () => Free;
  /** An alert of the selected thing was chosen. */
  onAlert(id: number): void;
  onSignedOut(): void;
}

/** What moves on the map: its picture with the trails behind it, and the selected thing with all that is told of it. */
export class Moving {
  readonly picture: Picture;
  readonly brush: Brush;
  readonly wake: Wake;
  readonly selection: Selection;
  readonly card: Card;
  readonly dossier: Dossier;
  readonly video: OnMap;

  constructor(private readonly deps: Deps) {
    const { boot, api, clock, mapClock, tokens, scale, stream, makers, inventory } = deps;
    const { fleet } = stream;
    const { sieve } = inventory.tree;
    const annotations = new Annotations(tokens, scale, boot.urls.assets, () => this.brush.draw());
    this.picture = new Picture(fleet, makers, annotations, sieve, scale, rgb(tokens.accent));
    this.dossier = new Dossier(api, clock, (kind) => inventory.cardOf(kind), (id) => deps.onAlert(id));
    this.card = new Card(lookColours(tokens), 44 * scale, mapClock, () => this.selection.clear(), this.dossier);
    this.video = new OnMap({
      boot, clock, fleet, hidden: sieve.hidden, tokens, scale,
      cover: () => (this.card.isOpen ? this.card.element.getBoundingClientRect() : null),
      free: deps.free,
      onChange: () => this.brush.draw(),
    });
    this.card.actions.append(this.video.card.element);
    this.selection = new Selection({
      fleet,
      card: this.card,
      clock: mapClock,
      notices: deps.notices,
      assetsUrl: boot.urls.assets,
      past: { url: `${boot.urls.past}/assets`, moment: () => mapClock.at },
      kindByKey: (key) => [...makers.kinds.values()].find((kind) => kind.key === key),
      kindByCode: (code) => makers.kinds.get(code),
      trackSince: () => mapClock.midnight(),
      onDetail: (detail) => {
        this.dossier.tell(detail);
        this.video.tell(detail);
      },
      onChange: () => {
        this.dossier.open(this.selection.id);
        this.video.select(this.selection.id);
        this.picture.recount();
        this.brush.draw();
      },
      onSelect: (place) => this.brush.canvas?.reveal(...place, this.card.element.getBoundingClientRect()),
      onSignedOut: () => deps.onSignedOut(),
    });
    this.brush = new Brush(stream, this.picture, this.selection);
    this.wake = new Wake(fleet, sieve, mapClock, scale, () => this.selectedKind());
    this.picture.below = () => [...this.video.layers(mapClock.at !== null), ...deps.annotations.below(), ...this.wake.layers()];
    this.picture.above = () => deps.annotations.above();
  }

  /** Draws on this map from now on. */
  on(canvas: MapCanvas): void {
    this.brush.canvas = canvas;
    this.video.on(canvas);
  }

  take(columns: AssetColumns): void {
    this.wake.take(columns);
  }

  /** Positions came; see {@link Stream}. */
  frame(isFirst: boolean, isOther: boolean): void {
    if (isFirst) this.picture.forget();
    else if (isOther) this.picture.recount();
    this.selection.tick();
    this.brush.follow(isFirst);
  }

  forget(): void {
    this.wake.lift();
    this.brush.redo();
  }

  /** Once a second: ages, silence. */
  tick(): void {
    const hasChanged = this.deps.stream.fleet.age(this.deps.mapClock.now());
    this.selection.tick();
    this.dossier.tick();
    this.video.tick();
    if (hasChanged || this.picture.isCounting || this.wake.isOn) this.brush.draw();
  }

  /** Draws trails behind what moves from now on, or not. */
  trail(isOn: boolean): void {
    this.wake.switch(isOn);
    this.brush.draw();
  }

  /** The map shows another moment. */
  jump(): void {
    this.wake.switch(this.wake.isOn);
    this.selection.renew();
  }

  private selectedKind(): number | null {
    const { id } = this.selection;
    return id === null ? null : (this.deps.stream.fleet.find(id)?.kind ?? null);
  }
}
