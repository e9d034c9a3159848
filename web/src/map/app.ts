import type { PickingInfo } from "@deck.gl/core";
import type { Boot } from "../boot";
import { h } from "../dom";
import { type IngestReport, type Light, judge } from "../live/connection";
import { Fleet } from "../live/fleet";
import { type CellColumns, type Frame, FrameDecoder } from "../live/frames";
import type { Control, Mode } from "../live/messages";
import { LiveSocket, type SocketState } from "../live/socket";
import { Sieve } from "../live/sieve";
import { tallies } from "../live/tallies";
import { Clock } from "../time";
import { type Tokens, readTokens, rgb } from "../tokens";
import { t } from "../words";
import { Annotations } from "./annotations";
import { areaCard } from "./areas";
import { MapCanvas } from "./canvas";
import { Card } from "./card";
import { listenToKeys } from "./keys";
import { LayerMaker, lookColours } from "./layers";
import { Notices } from "./notices";
import { drawingInterval } from "./pace";
import { KindPanel } from "./panel";
import { Picture } from "./picture";
import { Selection } from "./selection";
import { Topline } from "./topline";

/** The map page: what the live connection says, drawn. */
export class MapApp {
  readonly fleet = new Fleet(() => performance.now());
  readonly selection: Selection;
  mode: Mode = "assets";
  canvas: MapCanvas | null = null;

  private readonly tokens: Tokens;
  private readonly clock: Clock;
  private readonly layers: LayerMaker;
  private readonly topline: Topline;
  private readonly panel: KindPanel;
  private readonly picture: Picture;
  private readonly notices = new Notices();
  private readonly ground = h("main", { class: "ground", "aria-label": t("地图") });
  private readonly socket: LiveSocket;
  private readonly scale: number;
  private decoder = new FrameDecoder();
  private ingest: IngestReport | null = null;
  private cells: CellColumns | null = null;
  private isDrawAsked = false;
  private isGliding = false;
  private hasTileProblem = false;

  constructor(
    root: HTMLElement,
    private readonly boot: Boot,
  ) {
    this.tokens = readTokens(document.documentElement);
    this.scale = window.matchMedia("(min-width: 2560px)").matches ? 1.6 : 1;
    this.clock = new Clock(boot.language, boot.time_zone);
    this.layers = new LayerMaker(this.tokens, this.scale);
    const colours = lookColours(this.tokens);
    this.topline = new Topline(boot, this.clock);
    this.panel = new KindPanel(colours, 18 * this.scale, () => this.redo());
    const annotations = new Annotations(this.tokens, this.scale, boot.urls.assets, () => this.draw());
    this.picture = new Picture(this.fleet, this.layers, annotations, new Sieve(this.panel.hidden), this.scale, rgb(this.tokens.accent));
    const card = new Card(colours, 44 * this.scale, this.clock, () => this.selection.clear());
    this.selection = new Selection({
      fleet: this.fleet,
      card,
      clock: this.clock,
      notices: this.notices,
      assetsUrl: boot.urls.assets,
      kindByKey: (key) => [...this.layers.kinds.values()].find((kind) => kind.key === key),
      kindByCode: (code) => this.layers.kinds.get(code),
      onChange: () => {
        this.picture.recount();
        this.draw();
      },
      onSelect: (place) => this.canvas?.reveal(...place, card.element.getBoundingClientRect()),
      onSignedOut: () => this.signIn(),
    });
    root.replaceChildren(this.ground, this.topline.element, this.notices.element, this.panel.element, card.element);
    const live = new URL(boot.urls.live, window.location.href);
    live.protocol = live.protocol === "https:" ? "wss:" : "ws:";
    this.socket = new LiveSocket(
      {
        onControl: (message) => this.hear(message),
        onFrame: (bytes) => this.receive(bytes),
        onState: (state) => this.socketChanged(state),
        onSessionEnded: () => this.signIn(),
      },
      () => new WebSocket(live),
    );
    listenToKeys({
      close: () => this.close(),
      zoom: (direction) => this.canvas?.step(direction),
    });
    window.addEventListener("online", () => this.socket.retryNow());
    const motion = window.matchMedia("(prefers-reduced-motion: reduce)");
    this.fleet.glides = !motion.matches;
    motion.addEventListener("change", () => {
      this.fleet.glides = !motion.matches;
    });
  }

  async start(): Promise<void> {
    this.topline.watch.start();
    this.topline.update(this.light());
    try {
      this.canvas = await MapCanvas.open(this.ground, this.boot, this.tokens, this.scale, this.padding(), {
        onView: (view) => {
          this.socket.look(view);
          this.picture.settle();
          this.draw();
        },
        onZoom: () => this.redo(),
        onPick: (info) => this.pick(info),
        onPlaces: (places) => {
          this.picture.setPlaces(places);
          this.draw();
        },
        onTileProblem: (status) => this.tileProblem(status),
      });
    } catch (error) {
      const what = error instanceof Error ? error.message : String(error);
      this.notices.band(t("地图无法绘制：{what}。请确认浏览器支持 WebGL 2 并已开启硬件加速，然后刷新页面。", { what }));
      return;
    }
    this.socket.look(this.canvas.view());
    this.socket.start();
    setInterval(() => this.tick(), 1000);
  }

  light(): Light {
    return judge(this.socket.state, this.ingest, Date.now());
  }

  /** How many things are shown, drawn one by one or summed up in cells. */
  count(): number {
    if (this.mode === "assets") return this.fleet.count();
    return this.cells === null ? 0 : this.cells.total.reduce((sum, total) => sum + total, 0);
  }

  private hear(message: Control): void {
    switch (message.type) {
      case "hello":
        this.clock.hear(message.server_time);
        this.layers.kinds = new Map(message.kinds.map((kind) => [kind.code, kind]));
        this.fleet.declare(message.kinds, this.layers.appearance);
        this.panel.declare(message.kinds);
        this.forgetCells();
        break;
      case "pulse":
        this.clock.hear(message.server_time);
        this.ingest = { age_s: message.ingest_age_s, at: Date.now() };
        this.mode = message.mode;
        break;
      case "reset":
        this.fleet.clear();
        this.forgetCells();
        break;
      case "bye":
        if (message.reason === "permission") this.notices.note(t("您的数据范围已变更，正在重新读取。"));
        break;
    }
    this.showCounts();
    this.topline.update(this.light());
    this.draw();
  }

  private receive(bytes: ArrayBuffer): void {
    const frame = this.decode(bytes);
    if (frame === null) return;
    this.mode = frame.type;
    if (frame.type === "assets") {
      const isFirst = this.cells !== null || this.fleet.count() === 0;
      this.cells = null;
      const isOther = this.fleet.apply(frame.columns, this.clock.now());
      if (isFirst) this.picture.forget();
      else if (isOther) this.picture.recount();
      this.glide();
    } else {
      this.cells = frame.columns;
      this.picture.recount();
    }
    this.selection.tick();
    this.showCounts();
    this.draw();
  }

  private decode(bytes: ArrayBuffer): Frame | null {
    try {
      return this.decoder.decode(bytes);
    } catch (error) {
      this.notices.note(t("有一帧实时数据无法读取，已略过：{what}。", { what: String(error) }));
      return null;
    }
  }

  private socketChanged(state: SocketState): void {
    // Schemas come once per socket: a new socket must not read with an old one's.
    if (state.phase !== "open") this.decoder = new FrameDecoder();
    if (state.phase === "broken") this.ingest = null;
    this.topline.update(this.light());
    this.showBand();
  }

  /** Once a second: clock, light, ages, silence. */
  private tick(): void {
    const hasChanged = this.fleet.age(this.clock.now());
    this.topline.update(this.light());
    this.showBand();
    this.selection.tick();
    if (hasChanged) this.showCounts();
    if (hasChanged || this.picture.isCounting) this.draw();
  }

  private showBand(): void {
    const { phase, since } = this.socket.state;
    const time = this.clock.time(this.clock.fromLocal(since));
    this.notices.band(phase === "broken" ? t("连接已断开：图上停在 {time}，恢复后自动补齐。", { time }) : null);
  }

  private showCounts(): void {
    this.panel.update(tallies(this.fleet, this.cells), this.cells !== null);
  }

  /** Lays out anew what depends on the zoom or on which kinds are shown. */
  private redo(): void {
    this.picture.forget();
    this.draw();
  }

  /** Draws at the next opportunity; many causes in one moment draw once. */
  private draw(): void {
    if (this.isDrawAsked) return;
    this.isDrawAsked = true;
    requestAnimationFrame(() => {
      this.isDrawAsked = false;
      if (this.canvas !== null) this.picture.draw(this.canvas, this.cells, this.selection);
    });
  }

  /** Draws while something glides, as often as a pixel changes, and then once more. */
  private glide(): void {
    if (this.isGliding) return;
    const step = (): void => {
      const { canvas } = this;
      const wait = canvas === null ? null : drawingInterval(this.fleet.gliding(), canvas.zoom);
      this.isGliding = wait !== null;
      canvas?.redraw();
      if (wait !== null) setTimeout(() => requestAnimationFrame(step), wait);
    };
    step();
  }

  private pick(info: PickingInfo): void {
    this.canvas?.hush();
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
    this.selection.clear();
  }

  private tileProblem(status: number | undefined): void {
    if (this.hasTileProblem) return;
    this.hasTileProblem = true;
    const what = status === undefined ? t("服务器没有应答") : t("服务器返回 {status}", { status });
    this.notices.note(t("底图读取失败：{what}。对象仍在实时更新。", { what }));
  }

  private forgetCells(): void {
    this.cells = null;
    this.picture.forget();
  }

  /** Room the panels take, so that the city starts in the free part of the map; CSS pixels. */
  private padding(): { left: number; right: number; top: number; bottom: number } {
    const edge = 24 * this.scale;
    const top = this.topline.element.getBoundingClientRect().height + edge;
    const panel = this.panel.element.getBoundingClientRect();
    const isBeside = panel.width < window.innerWidth / 2 && !this.panel.isFolded;
    return { left: isBeside ? panel.right + edge : edge, right: edge, top, bottom: edge * 2 };
  }

  private signIn(): void {
    const address = new URL(this.boot.urls.sign_in, window.location.href);
    address.searchParams.set("next", window.location.pathname);
    window.location.assign(address);
  }
}
