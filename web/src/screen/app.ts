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
import { Census } from "./census";
import { DistrictList } from "./districts";
import { Finder } from "./finder";
import { happened } from "./happened";
import type { District, LayerInfo } from "./layerinfo";
import { type Free, Scenery, featureCard } from "./scenery";
import { Side, section } from "./side";
import { Stream } from "./stream";
import { tools } from "./tools";
import { Tree } from "./tree";

/** A click on bare ground looks into its district while the map is further than this. */
const DISTRICT_ZOOM = 11.5;
const HEAT_EVERY = 2;

/** The command screen: the live map, what there is, and what is wrong. */
export class ScreenApp {
  readonly selection: Selection;
  readonly stream: Stream;
  readonly alerts: AlertDesk;
  canvas: MapCanvas | null = null;

  private readonly tokens = readTokens(document.documentElement);
  private readonly scale = window.matchMedia("(min-width: 2560px)").matches ? 1.6 : 1;
  private readonly api: ScreenApi;
  private readonly clock: Clock;
  private readonly makers: LayerMaker;
  private readonly topline: Topline;
  private readonly tree: Tree;
  private readonly census: Census;
  private readonly districts: DistrictList;
  private readonly card: Card;
  private readonly picture: Picture;
  private readonly brush: Brush;
  private readonly finder: Finder;
  private readonly notices = new Notices();
  private readonly ground = h("main", { class: "ground", "aria-label": t("地图") });
  private readonly left: Side;
  private readonly right: Side;
  private readonly focusLine = h("div", { class: "focus-line", hidden: true });
  private readonly tools: ReturnType<typeof tools>;
  private layers: LayerInfo[] = [];
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
    this.makers = new LayerMaker(tokens, scale);
    this.topline = new Topline(boot, this.clock);
    this.tree = new Tree(tokens, 18 * scale, (layer) => this.toggled(layer));
    this.districts = new DistrictList(boot.districts, (district) => this.look(district === this.district ? null : district));
    this.census = new Census(this.api, this.clock, tokens, 15 * scale, this.tree, this.districts, () => this.fillDistricts());
    this.finder = new Finder(this.api, (found) => this.goTo(found));
    this.tools = tools({
      onHome: () => this.look(null),
      onTurn: () => this.turn(),
      onSound: () => this.sound(),
    });
    this.stream = new Stream(boot.urls.live, this.clock, {
      appearanceOf: this.makers.appearance,
      onKinds: (kinds) => {
        this.makers.kinds = new Map(kinds.map((kind) => [kind.code, kind]));
        this.tree.declareKinds(kinds);
        this.brush.redo();
      },
      onFrame: (isFirst, isOther) => this.frame(isFirst, isOther),
      onReset: () => this.brush.redo(),
      onAlerts: (alerts, isTruncated) => this.alerts.load(alerts, isTruncated),
      onAlert: (alert) => this.alerts.hear(alert),
      onRights: () => this.notices.note(t("您的数据范围已变更，正在重新读取。")),
      onState: () => this.socketChanged(),
      onSessionEnded: () => this.signIn(),
      onUnreadable: (what) => this.notices.note(t("有一帧实时数据无法读取，已略过：{what}。", { what })),
    });
    this.alerts = new AlertDesk(this.api, this.clock, this.stream.fleet, {
      onOpen: (place) => {
        this.canvas?.hush();
        this.selection.clear();
        if (place !== null) this.scenery?.fly(...place);
      },
      onAsset: (id) => this.openAsset(id, null),
      onShow: (open, raised) => {
        this.districts.alert(open);
        this.census.alerting(new Set(raised.flatMap(({ asset }) => (asset === null ? [] : [asset.id]))).size);
      },
    });
    const annotations = new Annotations(tokens, scale, boot.urls.assets, () => this.brush.draw());
    this.picture = new Picture(this.stream.fleet, this.makers, annotations, this.tree.hidden, scale, rgb(tokens.accent));
    this.card = new Card(colours, 44 * scale, this.clock, () => this.selection.clear());
    this.selection = new Selection({
      fleet: this.stream.fleet,
      card: this.card,
      clock: this.clock,
      notices: this.notices,
      assetsUrl: boot.urls.assets,
      kindByKey: (key) => [...this.makers.kinds.values()].find((kind) => kind.key === key),
      kindByCode: (code) => this.makers.kinds.get(code),
      onChange: () => {
        this.picture.recount();
        this.brush.draw();
      },
      onSelect: (place) => this.canvas?.reveal(...place, this.card.element.getBoundingClientRect()),
      onSignedOut: () => this.signIn(),
    });
    this.brush = new Brush(this.stream, this.picture, this.selection);
    const isLow = window.innerHeight < 900;
    this.left = new Side(
      "what-there-is", t("态势"), this.focusLine,
      this.census.counters.element,
      section(t("图层"), true, this.tree.element),
      ...(boot.districts.length > 1 ? [section(t("各区"), !isLow, this.districts.element)] : []),
    );
    this.right = new Side("what-is-wrong", t("预警"), this.alerts.wall.summary, this.alerts.wall.element);
    const title = this.topline.element.querySelector("h1");
    title?.after(this.finder.element, this.tools.element);
    root.replaceChildren(
      this.ground, this.topline.element, this.notices.element,
      this.left.element, this.right.element, this.card.element, this.alerts.card.element,
    );
    listenToKeys({ close: () => this.close(), zoom: (direction) => this.canvas?.step(direction) });
    document.addEventListener("keydown", (event) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || (event.target as Element).matches("input, textarea, select")) return;
      event.preventDefault();
      this.finder.focus();
    });
  }

  async start(): Promise<void> {
    this.topline.update(this.stream.light());
    const reading = this.readLayers();
    try {
      this.canvas = await MapCanvas.open(this.ground, this.boot, this.tokens, this.scale, this.free(), {
        onView: (view) => {
          this.stream.look(view);
          this.tree.zoomed(view.zoom);
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
    await reading;
    this.scenery.ground.add(this.layers);
    for (const layer of this.layers) this.scenery.ground.show(layer, this.tree.isShown(layer));
    this.tree.zoomed(canvas.zoom);
    this.fillDistricts();
  }

  private async readLayers(): Promise<void> {
    try {
      this.layers = await this.api.layers();
    } catch (error) {
      this.notices.note(t("图层读取失败：{what}。刷新页面可重试。", { what: happened(error) }));
    }
    this.tree.declare(this.layers);
    this.tree.declareKinds([...this.makers.kinds.values()]);
    this.census.start(this.layers);
  }

  private frame(isFirst: boolean, isOther: boolean): void {
    if (isFirst) this.picture.forget();
    else if (isOther) this.picture.recount();
    this.selection.tick();
    this.alerts.follow();
    this.tree.countKinds(tallies(this.stream.fleet, this.stream.cells));
    if (this.stream.cells === null) this.brush.glide();
    this.brush.draw();
  }

  /** Once a second: clock, light, ages, silence. */
  private tick(): void {
    this.seconds++;
    const hasChanged = this.stream.fleet.age(this.clock.now());
    this.topline.update(this.stream.light());
    this.showBand();
    this.selection.tick();
    this.alerts.tick();
    if (this.seconds % HEAT_EVERY === 0) this.heat();
    if (hasChanged || this.picture.isCounting) this.brush.draw();
  }

  private heat(): void {
    for (const layer of this.layers) {
      if (layer.style.type !== "heat" || layer.source.type !== "live" || !this.tree.isShown(layer)) continue;
      this.scenery?.ground.heat(layer, this.stream.points(layer.source.code));
    }
  }

  private fillDistricts(): void {
    for (const layer of this.layers) {
      if (layer.style.type === "district") this.scenery?.ground.fillDistricts(layer, this.census.byDistrict(layer));
    }
  }

  private toggled(layer: LayerInfo | null): void {
    if (layer !== null) this.scenery?.ground.show(layer, this.tree.isShown(layer));
    this.heat();
    this.brush.redo();
  }

  /** Looks into one district, or at everything. */
  private look(district: District | null): void {
    this.district = district;
    this.scenery?.focus(district);
    this.scenery?.frame(district?.bounds ?? this.boot.bounds);
    this.districts.choose(district);
    this.census.look(district?.code ?? "");
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
    const found = scenery.ground.featuresAt(info.x, info.y, this.layers);
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
    else if (this.district !== null) this.look(null);
  }

  private socketChanged(): void {
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
    return { left, right, top, bottom: edge * 2 };
  }

  private signIn(): void {
    const address = new URL(this.boot.urls.sign_in, window.location.href);
    address.searchParams.set("next", window.location.pathname);
    window.location.assign(address);
  }
}
