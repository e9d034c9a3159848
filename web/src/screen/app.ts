import type { PickingInfo } from "@deck.gl/core";
import { h } from "../dom";
import { tallies } from "../live/tallies";
import { Annotations } from "../map/annotations";
import { MapCanvas } from "../map/canvas";
import { Card } from "../map/card";
import { listenToKeys } from "../map/keys";
import { LayerMaker, lookColours } from "../map/layers";
import { Notices } from "../map/notices";
import { Picture } from "../map/picture";
import { Selection } from "../map/selection";
import { Topline } from "../map/topline";
import { Clock } from "../time";
import { readTokens, rgb } from "../tokens";
import { t } from "../words";
import { AlertDesk } from "./alertdesk";
import { type Found, ScreenApi } from "./api";
import type { ScreenBoot } from "./boot";
import { Brush } from "./brush";
import { Bottom } from "./bottom";
import { Charts } from "./charts/charts";
import { Director } from "./director";
import { Dossier } from "./dossier";
import { Finder } from "./finder";
import { Inventory } from "./inventory";
import type { District } from "./layerinfo";
import { Memory } from "./memory";
import { TimeMachine } from "./past/machine";
import { MapClock } from "./past/mapclock";
import { type Free, Scenery, featureCard } from "./scenery";
import { Side } from "./side";
import { type Folding, Stage, asPanel } from "./stage";
import { Stream } from "./stream";
import { tools } from "./tools";
import { Wake } from "./wake";

/** A click on bare ground looks into its district while the map is further than this. */
const DISTRICT_ZOOM = 11.5;
const HEAT_EVERY = 2;

/** The command screen: the live map, what there is, and what is wrong. */
export class ScreenApp {
  readonly selection: Selection;
  readonly stream: Stream;
  readonly alerts: AlertDesk;
  readonly inventory: Inventory;
  canvas: MapCanvas | null = null;

  private readonly tokens = readTokens(document.documentElement);
  private readonly scale = window.matchMedia("(min-width: 2560px)").matches ? 1.6 : 1;
  private readonly api: ScreenApi;
  private readonly clock: Clock;
  /** The clock of what the map shows: the present's, or a moment of the past. */
  private readonly mapClock: MapClock;
  private readonly past: TimeMachine;
  private readonly makers: LayerMaker;
  private readonly topline: Topline;
  private readonly charts: Charts;
  private readonly bottom = new Bottom(t("时间"));
  private readonly dossier: Dossier;
  private readonly wake: Wake;
  private readonly card: Card;
  private readonly picture: Picture;
  private readonly brush: Brush;
  private readonly finder: Finder;
  private readonly notices = new Notices();
  private readonly ground = h("main", { class: "ground", "aria-label": t("地图") });
  private readonly left: Side;
  private readonly right: Side;
  private readonly director: Director;
  /** What a scene folds, by name. */
  private readonly panels: Map<string, Folding>;
  private readonly focusLine = h("div", { class: "focus-line", hidden: true });
  private readonly tools: ReturnType<typeof tools>;
  private scenery: Scenery | null = null;
  private district: District | null = null;
  private seconds = 0;
  private hasTileProblem = false;

  constructor(
    root: HTMLElement,
    private readonly boot: ScreenBoot,
  ) {
    const { scale, tokens } = this;
    const colours = lookColours(tokens);
    this.api = new ScreenApi(boot.urls, boot.csrf);
    this.clock = new Clock(boot.language, boot.time_zone);
    this.mapClock = new MapClock(boot.language, boot.time_zone, this.clock);
    this.api.moment = () => this.mapClock.at;
    this.makers = new LayerMaker(tokens, scale);
    this.topline = new Topline(boot, this.clock);
    this.charts = new Charts(this.api, this.clock);
    this.finder = new Finder(this.api, (found) => this.goTo(found));
    this.tools = tools({
      onHome: () => this.look(null),
      onTurn: () => this.turn(),
      onSound: () => this.sound(),
      onTrails: () => this.trail(!this.wake.isOn),
    });
    this.stream = new Stream(boot.urls.live, this.clock, {
      appearanceOf: this.makers.appearance,
      onKinds: (kinds) => {
        this.makers.kinds = new Map(kinds.map((kind) => [kind.code, kind]));
        this.inventory.tree.declareKinds(kinds);
        this.brush.redo();
      },
      onFrame: (isFirst, isOther) => this.frame(isFirst, isOther),
      onRows: (columns) => this.wake.take(columns),
      onReset: () => {
        this.wake.lift();
        this.brush.redo();
      },
      onAlerts: (alerts, isTruncated) => this.alerts.load(alerts, isTruncated),
      onAlert: (alert) => {
        this.alerts.hear(alert);
        this.dossier.hear(alert);
      },
      onGreeted: () => this.director.greeted(),
      onOther: (message) => this.director.hear(message),
      onRights: () => this.notices.note(t("您的数据范围已变更，正在重新读取。")),
      onState: () => this.socketChanged(),
      onSessionEnded: () => this.signIn(),
      onUnreadable: (what) => this.notices.note(t("有一帧实时数据无法读取，已略过：{what}。", { what })),
    });
    this.inventory = new Inventory({
      api: this.api, clock: this.clock, tokens, scale, root,
      districts: boot.districts, stream: this.stream, notices: this.notices,
      memory: new Memory(boot.user.id ?? boot.user.name, window.localStorage),
      onDistrict: (district) => this.look(district === this.district ? null : district),
      onSifted: () => this.brush.redo(),
      onEmphasis: (emphasis) => {
        this.picture.emphasis = emphasis;
        this.brush.redo();
      },
      onAlerts: (areMarked) => this.alerts.showMarks(areMarked),
    });
    this.alerts = new AlertDesk(this.api, this.clock, this.stream.fleet, {
      onOpen: (place) => {
        this.canvas?.hush();
        this.selection.clear();
        if (place !== null) this.scenery?.fly(...place);
      },
      onAsset: (id) => this.openAsset(id, null),
      onNew: () => this.past.hear(),
      onShow: (open, raised) => {
        this.inventory.alert(open);
        this.inventory.alerting(new Set(raised.flatMap(({ asset }) => (asset === null ? [] : [asset.id]))));
      },
    });
    const annotations = new Annotations(tokens, scale, boot.urls.assets, () => this.brush.draw());
    this.picture = new Picture(this.stream.fleet, this.makers, annotations, this.inventory.tree.sieve, scale, rgb(tokens.accent));
    this.dossier = new Dossier(this.api, this.clock, (kind) => this.inventory.cardOf(kind), (id) => this.alerts.open(id));
    this.card = new Card(colours, 44 * scale, this.mapClock, () => this.selection.clear(), this.dossier);
    this.selection = new Selection({
      fleet: this.stream.fleet,
      card: this.card,
      clock: this.mapClock,
      notices: this.notices,
      assetsUrl: boot.urls.assets,
      past: { url: `${boot.urls.past}/assets`, moment: () => this.mapClock.at },
      kindByKey: (key) => [...this.makers.kinds.values()].find((kind) => kind.key === key),
      kindByCode: (code) => this.makers.kinds.get(code),
      trackSince: () => this.mapClock.midnight(),
      onDetail: (detail) => this.dossier.tell(detail),
      onChange: () => {
        this.dossier.open(this.selection.id);
        this.picture.recount();
        this.brush.draw();
      },
      onSelect: (place) => this.canvas?.reveal(...place, this.card.element.getBoundingClientRect()),
      onSignedOut: () => this.signIn(),
    });
    this.director = new Director({
      clock: this.clock,
      account: boot.user.name,
      address: boot.urls.director,
      say: (message) => this.stream.say(message),
      keep: (wall, name) => this.api.keepScene(wall, name),
      note: (text) => this.notices.note(text),
    });
    this.brush = new Brush(this.stream, this.picture, this.selection);
    this.wake = new Wake(this.stream.fleet, this.inventory.tree.sieve, this.mapClock, scale, () => this.selectedKind());
    this.picture.below = () => this.wake.layers();
    this.trail(this.inventory.isTrailing);
    const isLow = window.innerHeight < 900;
    this.left = new Side(
      "what-there-is", t("态势"), h("div", { class: "focus-lines" }, this.focusLine, this.inventory.spotlight.chip),
      ...this.inventory.left,
    );
    this.right = new Side("what-is-wrong", t("预警"), this.alerts.wall.summary, this.alerts.wall.element, this.inventory.right);
    const charts = this.bottom.fold("day", t("24 小时"), this.charts.element, (isOpen) => this.charts.open(isOpen));
    this.panels = new Map<string, Folding>([["what-there-is", this.left], ["what-is-wrong", this.right], ["day", asPanel(charts)]]);
    charts.open(!isLow);
    this.past = new TimeMachine({
      clock: this.clock, mapClock: this.mapClock, timeZone: boot.time_zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
      stream: this.stream, notices: this.notices, urls: boot.urls,
      onAlerts: (alerts) => this.alerts.recall(alerts),
      onJump: () => this.jumped(),
      onSignedOut: () => this.signIn(),
    });
    this.charts.onMoment = (at) => this.past.go(at);
    this.bottom.add(this.past.bar.element);
    // The column tells of now, whatever moment the map shows, and says so.
    this.right.element.querySelector("h2")?.setAttribute("data-present", t("实时"));
    const title = this.topline.element.querySelector("h1");
    title?.after(this.finder.element, this.tools.element);
    this.tools.element.append(this.director.badge.button);
    root.replaceChildren(
      this.ground, this.topline.element, this.notices.element, this.bottom.element, this.past.flag.element,
      this.left.element, this.right.element, this.card.element, this.alerts.card.element,
      ...this.director.badge.elements,
    );
    listenToKeys({ close: () => this.close(), zoom: (direction) => this.canvas?.step(direction) });
    document.addEventListener("keydown", (event) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || (event.target as Element).matches("input, textarea, select")) return;
      event.preventDefault();
      this.finder.focus();
    });
  }

  async start(): Promise<void> {
    this.topline.watch.start();
    this.topline.update(this.stream.light());
    const reading = this.readInventory();
    try {
      this.canvas = await MapCanvas.open(this.ground, this.boot, this.tokens, this.scale, this.free(), {
        onView: (view) => {
          this.stream.look(view);
          this.inventory.tree.zoomed(view.zoom);
          this.picture.settle();
          this.brush.draw();
        },
        onZoom: () => this.brush.redo(),
        onPick: (info) => this.pick(info),
        onPlaces: (places) => {
          this.picture.setPlaces(places);
          this.brush.draw();
        },
        onTileProblem: (status) => this.tileProblem(status),
      });
    } catch (error) {
      const what = error instanceof Error ? error.message : String(error);
      this.notices.band(t("地图无法绘制：{what}。请确认浏览器支持 WebGL 2 并已开启硬件加速，然后刷新页面。", { what }));
      return;
    }
    const { canvas } = this;
    this.brush.canvas = canvas;
    this.alerts.mark(canvas);
    this.stream.start(canvas.view());
    setInterval(() => this.tick(), 1000);
    const free = (): Free => this.free();
    this.scenery = await Scenery.build(canvas, this.api, this.boot.urls.tiles, this.tokens, this.scale, this.notices, free);
    this.tools.solid(this.scenery.isSolid);
    this.scenery.frame(this.boot.bounds);
    new ResizeObserver(() => this.scenery?.reframe()).observe(this.bottom.element);
    await reading;
    this.inventory.draw(canvas, this.scenery.ground);
    this.director.take(this.stage(canvas, this.scenery));
  }

  /** Ids of the things that stand out on the map. */
  standingOut(): number[] {
    return this.picture.standingOut();
  }

  /** What the director may touch. */
  private stage(canvas: MapCanvas, scenery: Scenery): Stage {
    const { alerts, selection, inventory } = this;
    return new Stage({
      canvas, scenery, tree: inventory.tree, alerts, selection,
      panels: this.panels,
      districts: this.boot.districts,
      layers: () => inventory.layers,
      district: () => this.district,
      look: (district) => this.look(district),
      openAsset: (id) => this.openAsset(id, null),
      turned: () => this.tools.solid(scenery.isSolid),
      hushed: () => this.tools.sounds(false),
    });
  }

  private async readInventory(): Promise<void> {
    const { inventory } = this;
    await inventory.read();
    inventory.tree.declareKinds([...this.makers.kinds.values()]);
    if (inventory.below.childElementCount > 0) this.bottom.fold("panels", t("统计"), inventory.below);
  }

  private frame(isFirst: boolean, isOther: boolean): void {
    if (isFirst) this.picture.forget();
    else if (isOther) this.picture.recount();
    this.selection.tick();
    this.alerts.follow();
    this.inventory.tree.countKinds(tallies(this.stream.fleet, this.stream.cells));
    if (this.stream.cells === null) this.brush.glide();
    this.brush.draw();
  }

  /** Once a second: clock, light, ages, silence. */
  private tick(): void {
    this.seconds++;
    const hasChanged = this.stream.fleet.age(this.mapClock.now());
    this.past.tick();
    this.topline.update(this.stream.light());
    this.showBand();
    this.selection.tick();
    this.alerts.tick();
    this.dossier.tick();
    if (this.seconds % HEAT_EVERY === 0) this.inventory.heat();
    if (hasChanged || this.picture.isCounting || this.wake.isOn) this.brush.draw();
  }

  /** Draws trails behind what moves from now on, or not. */
  private trail(isOn: boolean): void {
    this.wake.switch(isOn);
    this.tools.trails(isOn);
    if (isOn !== this.inventory.isTrailing) this.inventory.isTrailing = isOn;
    this.brush.draw();
  }

  /** The map shows another moment: what is told beside it is of that moment, too. */
  private jumped(): void {
    this.inventory.look(this.district);
    this.wake.switch(this.wake.isOn);
    this.selection.renew();
  }

  private selectedKind(): number | null {
    const { id } = this.selection;
    return id === null ? null : (this.stream.fleet.find(id)?.kind ?? null);
  }

  /** Looks into one district, or at everything. */
  private look(district: District | null): void {
    this.district = district;
    this.scenery?.focus(district);
    this.scenery?.frame(district?.bounds ?? this.boot.bounds);
    this.stream.within(district?.code ?? "");
    this.past.look(district?.code ?? "");
    this.inventory.look(district);
    this.charts.look(district?.code ?? "");
    this.topline.watch.look(district?.code ?? "");
    this.focusLine.hidden = district === null;
    this.focusLine.replaceChildren(
      h("button", { type: "button", class: "focus", title: "Esc", onclick: () => this.look(null) }, `${district?.name ?? ""} ×`),
    );
    this.alerts.look(district?.code ?? "");
  }

  private turn(): void {
    this.scenery?.turn();
    this.tools.solid(this.scenery?.isSolid ?? false);
  }

  private sound(): void {
    const { tones } = this.alerts;
    if (tones.isOn) tones.hush();
    else tones.allow();
    this.tools.sounds(tones.isOn);
  }

  private openAsset(id: number, place: [number, number] | null): void {
    this.alerts.close();
    if (place !== null) this.scenery?.fly(...place);
    this.selection.select(id);
  }

  private goTo(found: Found): void {
    const { lon, lat } = found;
    const place: [number, number] | null = lon === null || lat === null ? null : [lon, lat];
    if (found.type === "asset") this.openAsset(found.id, place);
    else if (place !== null) this.scenery?.fly(...place);
    else this.notices.note(t("{name} 没有位置。", { name: found.title }));
  }

  private pick(info: PickingInfo): void {
    const { canvas, scenery } = this;
    canvas?.hush();
    const id = this.picture.thingAt(info);
    const disc = this.picture.discAt(info);
    if (id !== null) {
      this.openAsset(id, null);
      return;
    }
    if (disc !== null) {
      canvas?.approach(...disc);
      return;
    }
    if (this.selection.id !== null || this.alerts.id !== null) {
      this.selection.clear();
      this.alerts.close();
      return;
    }
    if (canvas === null || scenery === null) return;
    const found = scenery.ground.featuresAt(info.x, info.y, this.inventory.layers);
    if (found.length > 0) {
      canvas.say(info.x, info.y, featureCard(found));
    } else if (canvas.zoom < DISTRICT_ZOOM) {
      const code = scenery.ground.districtAt(info.x, info.y);
      const district = this.boot.districts.find((each) => each.code === code);
      if (district !== undefined && district !== this.district) this.look(district);
    }
  }

  /** Closes what lies over the map, one thing at a time; then looks at the whole again. */
  private close(): void {
    this.canvas?.hush();
    this.topline.close();
    if (this.alerts.id !== null) this.alerts.close();
    else if (this.selection.id !== null) this.selection.clear();
    else if (this.inventory.spotlight.target !== null) this.inventory.spotlight.clear();
    else if (this.past.isPast) this.past.present();
    else if (this.district !== null) this.look(null);
  }

  private socketChanged(): void {
    if (this.stream.state.phase !== "open") this.director.parted();
    this.topline.update(this.stream.light());
    this.showBand();
  }

  private showBand(): void {
    const { phase, since } = this.stream.state;
    const time = this.clock.time(this.clock.fromLocal(since));
    this.notices.band(phase === "broken" ? t("连接已断开：图上停在 {time}，恢复后自动补齐。", { time }) : null);
  }

  private tileProblem(status: number | undefined): void {
    if (this.hasTileProblem) return;
    this.hasTileProblem = true;
    const what = status === undefined ? t("服务器没有应答") : t("服务器返回 {status}", { status });
    this.notices.note(t("底图读取失败：{what}。对象仍在实时更新。", { what }));
  }

  /** Room the panels take, so that what is flown to comes to stand between them. */
  private free(): Free {
    const edge = 24 * this.scale;
    const left = this.left.isFolded ? edge : this.left.element.getBoundingClientRect().right + edge;
    const right = this.right.isFolded ? edge : window.innerWidth - this.right.element.getBoundingClientRect().left + edge;
    const top = this.topline.element.getBoundingClientRect().height + edge;
    const bottom = window.innerHeight - this.bottom.element.getBoundingClientRect().top + edge;
    return { left, right, top, bottom };
  }

  private signIn(): void {
    const address = new URL(this.boot.urls.sign_in, window.location.href);
    address.searchParams.set("next", window.location.pathname);
    window.location.assign(address);
  }
}
