import { Annotator } from "../annotate/annotator";
import { AnnotateApi } from "../annotate/api";
import type { Subject } from "../annotate/records";
import { signIn } from "../boot";
import { h } from "../dom";
import { Stream } from "../live/stream";
import { tallies } from "../live/tallies";
import { MapCanvas } from "../map/canvas";
import { listenToKeys } from "../map/keys";
import { LayerMaker } from "../map/layers";
import { Notices } from "../map/notices";
import { Topline } from "../map/topline";
import { Troubles } from "../map/troubles";
import { Clock } from "../time";
import { readTokens } from "../tokens";
import { t } from "../words";
import { AlertDesk } from "./alertdesk";
import { ScreenApi } from "./api";
import { Asking } from "./asking/asking";
import type { ScreenBoot } from "./boot";
import { Charts } from "./charts/charts";
import { Director } from "./director";
import { Finder } from "./finder";
import { Focus } from "./focus";
import { Inventory } from "./inventory";
import type { District } from "./layerinfo";
import { Layout } from "./layout";
import { Memory } from "./memory";
import { Moving } from "./moving";
import { Opening } from "./opening";
import { TimeMachine } from "./past/machine";
import { MapClock } from "./past/mapclock";
import { Scenery } from "./scenery";
import { Stage } from "./stage";
import { tools } from "./tools";

const HEAT_EVERY = 2;

/** The command screen: the live map, what there is, and what is wrong. */
export class ScreenApp {
  readonly moving: Moving;
  readonly stream: Stream;
  readonly alerts: AlertDesk;
  readonly inventory: Inventory;
  readonly annotator: Annotator;
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
  private readonly finder: Finder;
  private readonly notices = new Notices();
  private readonly troubles: Troubles;
  private readonly layout: Layout;
  private readonly opening: Opening;
  private readonly director: Director;
  private readonly focus = new Focus((district) => this.look(district));
  private readonly tools: ReturnType<typeof tools>;
  private readonly asking: Asking;
  private scenery: Scenery | null = null;
  private seconds = 0;

  constructor(
    root: HTMLElement,
    private readonly boot: ScreenBoot,
  ) {
    const { scale, tokens } = this;
    this.api = new ScreenApi(boot.urls, boot.csrf);
    this.clock = new Clock(boot.language, boot.time_zone);
    this.troubles = new Troubles(this.notices, this.clock);
    this.mapClock = new MapClock(boot.language, boot.time_zone, this.clock);
    this.api.moment = () => this.mapClock.at;
    this.makers = new LayerMaker(tokens, scale);
    this.topline = new Topline(boot, this.clock);
    this.charts = new Charts(this.api, this.clock);
    this.finder = new Finder(this.api, (found) => this.opening.found(found));
    this.tools = tools({
      onHome: () => this.focus.look(null),
      onTurn: () => this.turn(),
      onSound: () => this.sound(),
      onTrails: () => this.trail(!this.moving.wake.isOn),
      onAsk: () => {
        this.annotator.open(false);
        this.asking.open(!this.asking.isOpen);
      },
      onAnnotate: () => {
        this.asking.open(false);
        this.annotator.open(!this.annotator.isOpen);
      },
    });
    this.annotator = new Annotator({
      api: new AnnotateApi(boot.urls.annotations, boot.urls.past, boot.csrf),
      clock: this.clock, tokens, scale, notices: this.notices,
      say: (message) => this.stream.say(message),
      subject: () => this.subject(),
      redraw: () => this.moving.brush.draw(),
      fly: (lon, lat) => this.scenery?.fly(lon, lat),
      onOpen: (isOpen) => this.tools.annotates(isOpen),
    });
    this.asking = new Asking({
      api: this.api,
      layers: () => this.inventory.askable,
      selected: () => this.moving.selection.id,
      now: () => this.mapClock.now(),
      onRow: (layer, row) => this.opening.row(layer.id, row.id, row.lon, row.lat),
      onOpen: (isOpen) => this.tools.asks(isOpen),
    });
    this.stream = new Stream(boot.urls.live, this.clock, {
      appearanceOf: this.makers.appearance,
      onKinds: (kinds) => {
        this.makers.kinds = new Map(kinds.map((kind) => [kind.code, kind]));
        this.inventory.tree.declareKinds(kinds);
        this.moving.brush.redo();
      },
      onFrame: (isFirst, isOther) => this.frame(isFirst, isOther),
      onRows: (columns) => this.moving.take(columns),
      onReset: () => this.moving.forget(),
      onGreeted: () => {
        this.director.greeted();
        this.annotator.greeted();
      },
      onOther: (message) => {
        if (!this.alerts.told(message) && !this.annotator.hear(message)) this.director.hear(message);
      },
      onRights: () => this.troubles.rights(),
      onState: () => {
        if (this.stream.state.phase !== "open") this.director.parted();
        this.connection();
      },
      onSessionEnded: () => signIn(boot.urls),
      onUnreadable: (what) => this.troubles.frame(what),
    });
    this.inventory = new Inventory({
      api: this.api, clock: this.clock, tokens, scale, root,
      districts: boot.districts, stream: this.stream, notices: this.notices,
      memory: new Memory(boot.user.id ?? boot.user.name, window.localStorage),
      onDistrict: (district) => this.focus.look(district === this.focus.district ? null : district),
      onSifted: () => this.moving.brush.redo(),
      onEmphasis: (emphasis) => {
        this.moving.picture.emphasis = emphasis;
        this.moving.brush.redo();
      },
      onAlerts: (areMarked) => this.alerts.showMarks(areMarked),
    });
    this.alerts = new AlertDesk(this.api, this.clock, this.stream.fleet, {
      onOpen: (place) => {
        this.canvas?.hush();
        this.moving.selection.clear();
        if (place !== null) this.scenery?.fly(...place);
      },
      onAsset: (id) => this.opening.asset(id, null),
      onCameras: (lon, lat, about) => this.moving.video.near(lon, lat, about),
      onNew: () => this.past.hear(),
      onHeard: (alert) => this.moving.dossier.hear(alert),
      onShow: (open, raised) => {
        this.inventory.alert(open);
        this.inventory.alerting(new Set(raised.flatMap(({ asset }) => (asset === null ? [] : [asset.id]))));
      },
    });
    this.moving = new Moving({
      boot, api: this.api, clock: this.clock, mapClock: this.mapClock, tokens, scale,
      stream: this.stream, makers: this.makers, inventory: this.inventory, notices: this.notices, annotations: this.annotator,
      free: () => this.layout.free(),
      onAlert: (id) => this.alerts.open(id),
      onSignedOut: () => signIn(boot.urls),
    });
    this.director = new Director({
      clock: this.clock,
      account: boot.user.name,
      address: boot.urls.director,
      say: (message) => this.stream.say(message),
      keep: (wall, name) => this.api.keepScene(wall, name),
      note: (text) => this.notices.note(text),
    });
    this.trail(this.inventory.isTrailing);
    this.past = new TimeMachine({
      clock: this.clock, mapClock: this.mapClock, timeZone: boot.time_zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
      stream: this.stream, notices: this.notices, urls: boot.urls,
      onAlerts: (alerts) => this.alerts.recall(alerts),
      onAreas: (at) => this.scenery?.ground.travel(at),
      onMoment: (at) => this.annotator.travel(at),
      onJump: () => this.jumped(),
      onSignedOut: () => signIn(boot.urls),
    });
    this.charts.onMoment = (at) => this.past.go(at);
    const title = this.topline.element.querySelector("h1");
    title?.after(this.finder.element, this.tools.element);
    this.tools.element.append(this.director.badge.button);
    this.layout = new Layout(
      root,
      {
        topline: this.topline.element,
        notices: this.notices.element,
        left: [h("div", { class: "focus-lines" }, this.focus.element, this.inventory.spotlight.chip), ...this.inventory.left],
        right: [this.alerts.wall.summary, this.alerts.wall.element, this.inventory.right],
        charts: this.charts.element,
        onCharts: (isOpen) => this.charts.open(isOpen),
        time: this.past.bar.element,
        flag: this.past.flag.element,
        cards: [this.asking.pane.element, this.annotator.pane.element, this.moving.card.element, this.alerts.card.element, ...this.moving.video.elements, ...this.director.badge.elements],
      },
      scale,
    );
    this.opening = new Opening({
      moving: this.moving, alerts: this.alerts, inventory: this.inventory, focus: this.focus, past: this.past, asking: this.asking, annotator: this.annotator,
      topline: this.topline, notices: this.notices, districts: boot.districts,
    });
    listenToKeys({ close: () => this.opening.close(), zoom: (direction) => this.canvas?.step(direction) });
  }

  async start(): Promise<void> {
    this.topline.watch.start();
    this.topline.update(this.stream.light());
    const reading = this.readInventory();
    // An address that names a view (a link, a screen loaded anew) is shown as it is.
    const isPlaced = window.location.hash.includes("view=");
    try {
      this.canvas = await MapCanvas.open(this.layout.ground, this.boot, this.tokens, this.scale, this.layout.free(), {
        onView: (view) => {
          this.stream.look(view);
          this.moving.video.look(view);
          this.inventory.tree.zoomed(view.zoom);
          this.moving.picture.settle();
          this.moving.brush.draw();
        },
        onZoom: () => this.moving.brush.redo(),
        onPick: (info) => this.opening.pick(info),
        onPlaces: (places) => {
          this.moving.picture.setPlaces(places);
          this.moving.brush.draw();
        },
        onTileProblem: (status) => this.troubles.ground(status),
      });
    } catch (error) {
      this.troubles.drawing(error);
      return;
    }
    const { canvas } = this;
    this.moving.on(canvas);
    this.opening.canvas = canvas;
    this.alerts.mark(canvas);
    this.stream.start(canvas.view());
    setInterval(() => this.tick(), 1000);
    const free = () => this.layout.free();
    this.scenery = await Scenery.build(canvas, this.api, this.boot.urls.tiles, this.tokens, this.scale, this.notices, free);
    this.opening.scenery = this.scenery;
    this.tools.solid(this.scenery.isSolid);
    if (!isPlaced) this.scenery.frame(this.boot.bounds);
    this.layout.onRoom(() => this.scenery?.reframe());
    await reading;
    this.inventory.draw(canvas, this.scenery.ground);
    this.asking.on(canvas, this.scenery.ground, this.tokens, this.scale);
    this.annotator.on(canvas);
    this.director.take(this.stage(canvas, this.scenery));
  }

  /** What a new annotation is about: the alert that is open, or the thing that is selected. */
  private subject(): Subject | null {
    const alert = this.alerts.id;
    if (alert !== null) return { kind: "alert", key: String(alert), title: t("当前打开的预警") };
    const id = this.moving.selection.id;
    return id === null ? null : { kind: "asset", key: String(id), title: t("当前选中的对象") };
  }

  /** What the director may touch. */
  private stage(canvas: MapCanvas, scenery: Scenery): Stage {
    const { alerts, inventory } = this;
    return new Stage({
      canvas, scenery, tree: inventory.tree, alerts, selection: this.moving.selection,
      panels: this.layout.panels,
      districts: this.boot.districts,
      layers: () => inventory.layers,
      focus: this.focus,
      past: this.past,
      openAsset: (id) => this.opening.asset(id, null),
      turned: () => this.tools.solid(scenery.isSolid),
      hushed: () => this.tools.sounds(false),
    });
  }

  private async readInventory(): Promise<void> {
    const { inventory } = this;
    await inventory.read();
    inventory.tree.declareKinds([...this.makers.kinds.values()]);
    if (inventory.below.childElementCount > 0) this.layout.fold("panels", t("统计"), inventory.below);
  }

  private frame(isFirst: boolean, isOther: boolean): void {
    this.moving.frame(isFirst, isOther);
    this.alerts.follow();
    this.inventory.tree.countKinds(tallies(this.stream.fleet, this.stream.cells));
  }

  /** Once a second: clock, light, ages, silence. */
  private tick(): void {
    this.seconds++;
    this.past.tick();
    this.connection();
    this.moving.tick();
    this.alerts.tick();
    this.annotator.tick();
    if (this.seconds % HEAT_EVERY === 0) this.inventory.heat();
  }

  /** Draws trails behind what moves from now on, or not. */
  private trail(isOn: boolean): void {
    this.moving.trail(isOn);
    this.tools.trails(isOn);
    if (isOn !== this.inventory.isTrailing) this.inventory.isTrailing = isOn;
  }

  /** The map shows another moment: what is told beside it is of that moment, too. */
  private jumped(): void {
    this.inventory.look(this.focus.district);
    this.moving.jump();
  }

  /** Looks into one district, or at everything. */
  private look(district: District | null): void {
    const code = district?.code ?? "";
    this.scenery?.focus(district);
    this.scenery?.frame(district?.bounds ?? this.boot.bounds);
    this.stream.within(code);
    this.past.look(code);
    this.inventory.look(district);
    this.charts.look(code);
    this.topline.watch.look(code);
    this.alerts.look(code);
  }

  private turn(): void {
    this.scenery?.turn();
    this.tools.solid(this.scenery?.isSolid ?? false);
  }

  private sound(): void {
    this.alerts.tones.switch();
    this.tools.sounds(this.alerts.tones.isOn);
  }

  private connection(): void {
    this.topline.update(this.stream.light());
    this.troubles.connection(this.stream.state);
  }
}
