import type { Layer, PickingInfo } from "@deck.gl/core";
import type { MapCanvas } from "../map/canvas";
import type { Notices } from "../map/notices";
import { happened } from "../screen/happened";
import type { Clock } from "../time";
import type { Tokens } from "../tokens";
import { t } from "../words";
import type { AnnotateApi, Listed } from "./api";
import { ANNOTATIONS, AnnotationLayers, NAMES_MS, type Drawn, type Scene, placeOf } from "./layers";
import { Hand } from "./hand";
import { Listing } from "./listing";
import { AnnotatePane } from "./pane";
import { PastAnnotations } from "./past";
import { PresentAnnotations } from "./present";
import { type Annotation, type LonLat, type Palette, type Stroke, type Subject, type SymbolInfo, newDraft } from "./records";
import { Single } from "./single";
import { Store } from "./store";
import type { Box } from "./window";

export interface AnnotatorDeps {
  api: AnnotateApi;
  clock: Clock;
  tokens: Tokens;
  scale: number;
  notices: Notices;
  /** Says something to the server; false while nobody listens. */
  say(message: object): boolean;
  /** What an annotation is about if nothing else is said: what is open beside it; null: nothing. */
  subject(): Subject | null;
  /** There is something else to draw. */
  redraw(): void;
  fly(lon: number, lat: number): void;
  onOpen(isOpen: boolean): void;
}

const WORLD: Box = [-180, -90, 180, 90];

type Message = { type: string; strokes?: Stroke[]; stroke?: Stroke; annotation?: Annotation; id?: number };

/** Annotations on a map page: shown, found, drawn together. */
export class Annotator {
  readonly pane: AnnotatePane;
  readonly store = new Store();
  palette: Palette | null = null;
  private readonly layers: AnnotationLayers;
  private readonly present: PresentAnnotations;
  private readonly past: PastAnnotations;
  private readonly listing: Listing;
  private readonly single: Single;
  private canvas: MapCanvas | null = null;
  private hand: Hand | null = null;
  private isFree = false;
  private isShown = true;

  constructor(private readonly deps: AnnotatorDeps) {
    const { api, clock, tokens, scale } = deps;
    this.layers = new AnnotationLayers(tokens, scale, () => deps.redraw());
    this.pane = new AnnotatePane(
      tokens, scale, clock,
      {
        onSymbol: (symbol) => void this.take(symbol),
        onFree: (isFree) => (this.isFree = isFree),
        onShown: (isShown) => {
          this.isShown = isShown;
          deps.redraw();
        },
        onQuestion: () => {
          this.listing.ask();
          if (this.pane.isOnlyThese) void this.present.read(true);
        },
        onOnlyThese: () => void this.present.read(true),
        onMore: () => this.listing.more(),
        onRow: (annotation) => void this.look(annotation.id, annotation),
        onExport: () => void window.open(api.fileOf(this.listing.question()), "_self"),
        onClose: () => this.open(false),
      },
      () => this.lay(),
    );
    this.listing = new Listing(api, this.pane, this.store, () => this.palette, () => this.view());
    this.present = new PresentAnnotations(this.store, {
      view: () => this.view(),
      question: () => (this.pane.isOnlyThese ? this.pane.question() : {}),
      ask: (question, limit) => api.list(question, limit),
      onRead: (listed) => {
        if (!this.store.isPast) this.drawn(listed);
        this.changed();
      },
      onFailed: (error) => deps.notices.note(t("标绘读取失败：{what}。", { what: happened(error) })),
    });
    this.past = new PastAnnotations(
      () => this.view() ?? WORLD,
      (at, box) => api.at(at, box),
      (past) => {
        this.store.travel(past?.annotations ?? null);
        if (past === null) void this.present.read(true);
        else this.drawn(past);
        this.changed();
      },
      (error) => deps.notices.note(t("当时的标绘读取失败：{what}。", { what: happened(error) })),
    );
    this.single = new Single({
      ...deps, store: this.store, pane: this.pane, palette: () => this.palette,
      edit: (shape) => (shape === null ? this.hand?.stop() : void this.hand?.edit(shape)),
      changed: () => this.changed(),
      redraw: () => deps.redraw(),
    });
  }

  /** The map is there. */
  on(canvas: MapCanvas): void {
    this.canvas = canvas;
    this.hand = new Hand(canvas.map, this.deps.tokens, {
      onDrawn: (shape) => {
        this.pane.take(null, "");
        this.single.drawn(shape);
      },
      onEdited: (shape) => this.single.reshaped(shape),
      onSketch: (points) => this.sketch(points),
    });
    canvas.map.on("moveend", () => this.moved());
    void this.begin();
    void this.present.read(true);
  }

  /** Whether a hand is drawing: clicks on the map mean nothing else. */
  get isDrawing(): boolean {
    return (this.hand?.isDrawing ?? false) || this.single.isInHand;
  }

  get isOpen(): boolean {
    return this.pane.isOpen;
  }

  open(isOpen: boolean): void {
    if (!isOpen) this.lay();
    this.pane.open(isOpen);
    this.deps.onOpen(isOpen);
    if (isOpen) this.listing.ask();
  }

  /** One step back: lays down what is in hand, then the one that is looked at, then closes. */
  back(): void {
    if (this.isDrawing || this.single.isOpen) this.lay();
    else this.open(false);
  }

  /** A new connection: from now on changes are told. */
  greeted(): void {
    this.deps.say({ type: "annotations" });
  }

  /** A message of the server; whether it was about annotations. */
  hear(given: { type: string }): boolean {
    const message = given as Message;
    const { store } = this;
    if (message.type === "annotations") {
      store.drawing(message.strokes ?? []);
      this.present.isTold = true;
      void this.present.read(true);
    } else if (message.type === "stroke" && message.stroke) {
      store.draws(message.stroke);
      this.deps.redraw();
    } else if (message.type === "annotation" && message.annotation) {
      store.put(message.annotation);
      this.single.told(message.annotation);
      if (this.pane.isOnlyThese) void this.present.read(true);
      this.changed();
    } else if (message.type === "annotation_gone" && message.id) {
      store.drop(message.id);
      this.changed();
    } else return false;
    return true;
  }

  /** The map shows another moment; null: the present. */
  travel(moment: number | null): void {
    if (moment !== null && !this.store.isPast) this.lay();
    this.past.go(moment);
  }

  /** Names of those whose strokes are on the map just now. */
  strokes(): string[] {
    return this.store.strokes.map(({ author }) => author.name);
  }

  /** Once a second. */
  tick(): void {
    this.hand?.tick();
    if (this.store.sweep()) this.deps.redraw();
  }

  /** Faces and lines, to be drawn beneath what moves. */
  below(): readonly Layer[] {
    return this.isShown ? this.layers.below(this.scene()) : [];
  }

  /** Signs and names, to be drawn above it. */
  above(): readonly Layer[] {
    return this.isShown ? this.layers.above(this.scene()) : [];
  }

  /** Opens the annotation that was clicked; whether there was one. */
  pick(info: PickingInfo<Drawn>): boolean {
    const id = info.layer?.id.startsWith(ANNOTATIONS) ? info.object?.id : undefined;
    if (id === undefined || id <= 0) return false;
    if (!this.isOpen) this.open(true);
    void this.look(id, null);
    return true;
  }

  private scene(): Scene {
    const { store, single, canvas } = this;
    return {
      annotations: store.shown, strokes: store.strokes, draft: single.draftDrawn(), selected: single.id, zoom: canvas?.zoom ?? 0,
      project: (lon, lat) => canvas?.project(lon, lat) ?? { x: 0, y: 0 },
    };
  }

  private async begin(): Promise<void> {
    try {
      this.palette = await this.deps.api.palette();
    } catch (error) {
      this.deps.notices.note(t("标绘读取失败：{what}。", { what: happened(error) }));
      return;
    }
    this.layers.symbols = new Map(this.palette.symbols.map((symbol) => [symbol.key, symbol]));
    this.pane.offer(this.palette);
    this.changed();
  }

  private view(): Box | null {
    return this.canvas?.view().bbox ?? null;
  }

  private moved(): void {
    // Names of what came into view are arranged once the view has been at rest for a while.
    setTimeout(() => this.deps.redraw(), NAMES_MS * 1.2);
    void this.present.read(false);
    this.past.moved();
    if (this.pane.isOpen && this.pane.isOnlyHere.checked) void this.listing.list();
  }

  /** Says where not all of them are on the map. */
  private drawn({ annotations, count, truncated }: Listed): void {
    const said = truncated ? t("这一带共 {count} 条，图上画出最近的 {n} 条；放大地图可看到其余的。", { count, n: annotations.length }) : "";
    if (said !== "" && !this.pane.isCut) this.deps.notices.note(t("标绘：{what}", { what: said }));
    this.pane.cut(said);
  }

  private changed(): void {
    this.deps.redraw();
    this.listing.changed();
  }

  private async take(symbol: SymbolInfo): Promise<void> {
    const { hand, pane } = this;
    if (hand === null) return;
    if (this.store.isPast) {
      pane.take(null, t("图上是过去的时刻，请先回到实时再标绘。"));
      return;
    }
    const isAgain = this.single.kindDrawn === symbol.key && hand.isDrawing;
    this.lay();
    if (isAgain) return;
    this.single.begin({ ...newDraft(symbol.key), subject: this.deps.subject() });
    pane.take(symbol, hints(this.isFree)[symbol.sort]);
    try {
      await hand.start(symbol, this.isFree);
    } catch (error) {
      this.lay();
      pane.take(null, t("绘图工具读取失败：{what}。", { what: happened(error) }));
    }
  }

  /** Lays down what is in hand. */
  private lay(): void {
    this.hand?.stop();
    this.pane.take(null, "");
    this.single.close();
  }

  /** @param found where it is flown to; null: nowhere */
  private async look(id: number, found: Annotation | null): Promise<void> {
    this.hand?.stop();
    if (found !== null) this.deps.fly(...placeOf(found));
    await this.single.look(id);
  }

  private sketch(points: LonLat[]): void {
    const kind = this.single.kindDrawn;
    if (kind !== null || points.length === 0) this.deps.say({ type: "stroke", kind: kind ?? "line", points });
  }
}

function hints(isFree: boolean): Record<SymbolInfo["sort"], string> {
  return {
    point: t("在图上单击一处。"),
    line: isFree ? t("单击开始，移动画线，再单击结束。") : t("逐点单击；点末点或按回车结束，Esc 放下。"),
    polygon: isFree ? t("单击开始，移动画出轮廓，再单击结束。") : t("逐点单击；点首点或按回车围成，Esc 放下。"),
  };
}

