import type { PickingInfo } from "@deck.gl/core";
import { Annotator } from "../annotate/annotator";
import { AnnotateApi } from "../annotate/api";
import { type Boot, signIn } from "../boot";
import { h } from "../dom";
import { Sieve } from "../live/sieve";
import { Stream } from "../live/stream";
import { tallies } from "../live/tallies";
import { Clock } from "../time";
import { type Tokens, readTokens, rgb } from "../tokens";
import { OnMap } from "../video/onmap";
import { t } from "../words";
import { Annotations } from "./annotations";
import { areaCard } from "./areas";
import { Brush } from "./brush";
import { MapCanvas } from "./canvas";
import { Card } from "./card";
import { listenToKeys } from "./keys";
import { LayerMaker, lookColours } from "./layers";
import { Notices } from "./notices";
import { KindPanel } from "./panel";
import { Picture } from "./picture";
import { Selection } from "./selection";
import { Topline } from "./topline";
import { Troubles } from "./troubles";

/** The map page: what the live connection says, drawn. */
export class MapApp {
  readonly selection: Selection;
  readonly stream: Stream;
  readonly annotator: Annotator;
  canvas: MapCanvas | null = null;

  private readonly tokens: Tokens;
  private readonly layers: LayerMaker;
  private readonly clock: Clock;
  private readonly topline: Topline;
  private readonly panel: KindPanel;
  private readonly picture: Picture;
  private readonly video: OnMap;
  private readonly brush: Brush;
  private readonly notices = new Notices();
  private readonly troubles: Troubles;
  private readonly ground = h("main", { class: "ground", "aria-label": t("地图") });
  private readonly scale: number;

  constructor(
    root: HTMLElement,
    private readonly boot: Boot,
  ) {
    this.tokens = readTokens(document.documentElement);
    this.scale = window.matchMedia("(min-width: 2560px)").matches ? 1.6 : 1;
    this.clock = new Clock(boot.language, boot.time_zone);
    this.troubles = new Troubles(this.notices, this.clock);
    this.layers = new LayerMaker(this.tokens, this.scale);
    const colours = lookColours(this.tokens);
    this.topline = new Topline(boot, this.clock);
    this.panel = new KindPanel(colours, 18 * this.scale, () => this.brush.redo());
    this.stream = new Stream(boot.urls.live, this.clock, {
      appearanceOf: this.layers.appearance,
      onKinds: (kinds) => {
        this.layers.kinds = new Map(kinds.map((kind) => [kind.code, kind]));
        this.panel.declare(kinds);
      },
      onGreeted: () => {
        this.changed();
        this.annotator.greeted();
      },
      onOther: (message) => void this.annotator.hear(message),
      onFrame: (isFirst, isOther) => this.frame(isFirst, isOther),
      onReset: () => this.changed(),
      onRights: () => this.troubles.rights(),
      onState: () => this.connection(),
      onSessionEnded: () => signIn(boot.urls),
      onUnreadable: (what) => this.troubles.frame(what),
    });
    const { fleet } = this.stream;
    const annotations = new Annotations(this.tokens, this.scale, boot.urls.assets, () => this.brush.draw());
    this.picture = new Picture(fleet, this.layers, annotations, new Sieve(this.panel.hidden), this.scale, rgb(this.tokens.accent));
    const card = new Card(colours, 44 * this.scale, this.clock, () => this.selection.clear());
    const video = (this.video = new OnMap({
      boot, clock: this.clock, fleet, hidden: this.panel.hidden, tokens: this.tokens, scale: this.scale,
      cover: () => (card.isOpen ? card.element.getBoundingClientRect() : null),
      free: () => this.padding(),
      onChange: () => this.brush.draw(),
    }));
    card.actions.append(video.card.element);
    this.selection = new Selection({
      fleet,
      card,
      clock: this.clock,
      notices: this.notices,
      assetsUrl: boot.urls.assets,
      kindByKey: (key) => [...this.layers.kinds.values()].find((kind) => kind.key === key),
      kindByCode: (code) => this.layers.kinds.get(code),
      onChange: () => {
        video.select(this.selection.id);
        this.picture.recount();
        this.brush.draw();
      },
      onDetail: (detail) => video.tell(detail),
      onSelect: (place) => this.canvas?.reveal(...place, card.element.getBoundingClientRect()),
      onSignedOut: () => signIn(boot.urls),
    });
    this.brush = new Brush(this.stream, this.picture, this.selection);
    const annotate = h(
      "button",
      { type: "button", class: "annotate-open", "aria-pressed": "false", "data-tool": "annotate", title: t("在图上共同标绘"), onclick: () => this.annotator.open(!this.annotator.isOpen) },
      t("标绘"),
    );
    this.annotator = new Annotator({
      api: new AnnotateApi(boot.urls.annotations, "", boot.csrf),
      clock: this.clock, tokens: this.tokens, scale: this.scale, notices: this.notices,
      say: (message) => this.stream.say(message),
      subject: () => (this.selection.id === null ? null : { kind: "asset", key: String(this.selection.id), title: t("当前选中的对象") }),
      redraw: () => this.brush.draw(),
      fly: (lon, lat) => this.canvas?.reveal(lon, lat, this.annotator.pane.element.getBoundingClientRect()),
      onOpen: (isOpen) => annotate.setAttribute("aria-pressed", String(isOpen)),
    });
    this.picture.below = () => [...video.layers(false), ...this.annotator.below()];
    this.picture.above = () => this.annotator.above();
    root.replaceChildren(
      this.ground, this.topline.element, this.notices.element, this.panel.element, annotate, this.annotator.pane.element, card.element, ...video.elements,
    );
    listenToKeys({
      close: () => this.close(),
      zoom: (direction) => this.canvas?.step(direction),
    });
  }

  async start(): Promise<void> {
    this.topline.watch.start();
    this.topline.update(this.stream.light());
    try {
      this.canvas = await MapCanvas.open(this.ground, this.boot, this.tokens, this.scale, this.padding(), {
        onView: (view) => {
          this.stream.look(view);
          this.video.look(view);
          this.picture.settle();
          this.brush.draw();
        },
        onZoom: () => this.brush.redo(),
        onPick: (info) => this.pick(info),
        onPlaces: (places) => {
          this.picture.setPlaces(places);
          this.brush.draw();
        },
        onTileProblem: (status) => this.troubles.ground(status),
      });
    } catch (error) {
      this.troubles.drawing(error);
      return;
    }
    this.brush.canvas = this.canvas;
    this.annotator.on(this.canvas);
    this.video.on(this.canvas);
    this.stream.start(this.canvas.view());
    setInterval(() => this.tick(), 1000);
  }

  /** What there is was declared or forgotten. */
  private changed(): void {
    this.showCounts();
    this.topline.update(this.stream.light());
    this.brush.redo();
  }

  private frame(isFirst: boolean, isOther: boolean): void {
    if (isFirst) this.picture.forget();
    else if (isOther) this.picture.recount();
    this.selection.tick();
    this.showCounts();
    this.brush.follow(isFirst);
  }

  private connection(): void {
    this.topline.update(this.stream.light());
    this.troubles.connection(this.stream.state);
  }

  /** Once a second: clock, light, ages, silence. */
  private tick(): void {
    const hasChanged = this.stream.fleet.age(this.clock.now());
    this.connection();
    this.selection.tick();
    this.annotator.tick();
    this.video.tick();
    if (hasChanged) this.showCounts();
    if (hasChanged || this.picture.isCounting) this.brush.draw();
  }

  private showCounts(): void {
    const { fleet, cells } = this.stream;
    this.panel.update(tallies(fleet, cells), cells !== null);
  }

  private pick(info: PickingInfo): void {
    if (this.annotator.isDrawing) return;
    this.canvas?.hush();
    if (this.annotator.pick(info)) return;
    const id = this.picture.thingAt(info);
    const disc = this.picture.discAt(info);
    if (id !== null) {
      this.selection.select(id);
    } else if (disc !== null) {
      this.canvas?.approach(...disc);
    } else if (this.selection.id !== null) {
      this.selection.clear();
    } else {
      const areas = this.canvas?.areasAt(info.x, info.y) ?? [];
      if (areas.length > 0) this.canvas?.say(info.x, info.y, areaCard(areas));
    }
  }

  /** Closes what lies over the map. */
  private close(): void {
    this.canvas?.hush();
    this.topline.close();
    if (this.selection.id === null && this.annotator.isOpen) this.annotator.back();
    else this.selection.clear();
  }

  /** Room the panels take, so that the city starts in the free part of the map; CSS pixels. */
  private padding(): { left: number; right: number; top: number; bottom: number } {
    const edge = 24 * this.scale;
    const top = this.topline.element.getBoundingClientRect().height + edge;
    const panel = this.panel.element.getBoundingClientRect();
    const isBeside = panel.width < window.innerWidth / 2 && !this.panel.isFolded;
    return { left: isBeside ? panel.right + edge : edge, right: edge, top, bottom: edge * 2 };
  }
}
