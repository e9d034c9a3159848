import type { Order, Playing, Run, RunStep, ShownScene, WallMessage, WallState, Welcome } from "../director/protocol";
import type { Clock } from "../time";
import { t } from "../words";
import { DirectorBadge } from "./directorbadge";
import type { Stage } from "./stage";
import { Tour } from "./tour";
import { WallIdentity } from "./wallidentity";

/** The server takes a wall for gone after three of these. */
const REPORT_EVERY_MS = 4000;
/** Changes that follow each other closely are reported as one. */
const REPORT_WAIT_MS = 250;
const TICK_MS = 250;
const TOUCH_EVENTS = ["pointerdown", "wheel", "keydown", "touchstart"] as const;

/** Orders that show something which a tour's next step would take away. */
const PICTURES: ReadonlySet<Order["do"]> = new Set(["scene", "home", "solid", "district", "fly", "zoom", "asset", "alert", "past"]);

interface Deps {
  clock: Clock;
  /** Address of the director's page. */
  address: string;
  /** The account's name: what a wall is called that nobody has named. */
  account: string;
  /** Says something to the server; false while nobody listens. */
  say(message: object): boolean;
  /** Saves what is on this wall as a scene. */
  keep(wall: number, name: string): Promise<unknown>;
  note(text: string): void;
}

/** The wall's part of the director: says that it is there and what it shows, and does what it is told. */
export class Director {
  readonly badge: DirectorBadge;
  private readonly identity = new WallIdentity();
  private readonly tour: Tour;
  private stage: Stage | null = null;
  private welcome: Welcome | null = null;
  private isGreeted = false;
  private scene: number | null = null;
  /** Number of the last order that was carried out; null before the first welcome. */
  private done: number | null = null;
  private fault = "";
  private doing: number | null = null;
  /** Orders are carried out one after the other. */
  private queue: Promise<void> = Promise.resolve();
  private reportTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly deps: Deps) {
    this.tour = new Tour(() => deps.clock.now(), (step) => void this.showStep(step), () => this.changed());
    this.badge = new DirectorBadge(deps.address, {
      onName: (name) => this.rename(name),
      onKeep: (name) => this.keep(name),
      onResume: () => this.tour.resume(),
      onStop: () => this.tour.stop(),
    });
  }

  /** The screen stands: from now on it can be driven. */
  take(stage: Stage): void {
    this.stage = stage;
    this.announce();
    stage.onMoved(() => this.reportSoon());
    setInterval(() => this.report(), REPORT_EVERY_MS);
    setInterval(() => {
      this.tour.tick();
      this.badge.tick(this.deps.clock.now());
    }, TICK_MS);
    for (const name of TOUCH_EVENTS) {
      document.addEventListener(name, (event) => this.touched(event), { capture: true, passive: true });
    }
  }

  /** A socket was opened and the server has greeted. */
  greeted(): void {
    this.isGreeted = true;
    this.announce();
  }

  /** The socket is closed; what plays goes on playing. */
  parted(): void {
    this.isGreeted = false;
    this.welcome = null;
  }

  /** A message of the server; what is not for a wall is left alone. */
  hear(given: { type: string }): void {
    const message = given as WallMessage;
    if (message.type === "wall") this.welcomed(message);
    else if (message.type === "wall_taken") {
      this.identity.renew();
      this.announce();
    } else if (message.type === "order" && message.number > (this.done ?? 0)) {
      this.queue = this.queue.then(() => this.obey(message));
    }
  }

  private announce(): void {
    if (this.stage === null || !this.isGreeted) return;
    const { key, name, isAgain } = this.identity;
    this.deps.say({ type: "wall", key, name, again: isAgain });
  }

  private welcomed(welcome: Welcome): void {
    const isFirst = this.done === null;
    this.welcome = welcome;
    this.identity.keep();
    this.badge.named(welcome, this.deps.account);
    // After a reload the record knows more; after a broken socket this page does. What nobody has carried out comes again.
    if (isFirst) {
      this.done = welcome.done;
      if (welcome.run !== null && welcome.run.run <= this.done) this.resume(welcome.run);
    }
    this.report();
  }

  private resume(run: Run): void {
    this.tour.play(run);
    if (!run.paused) this.deps.note(t("导播：继续播放“{name}”。", { name: run.name }));
  }

  private async obey(order: Order): Promise<void> {
    const { stage } = this;
    if (stage === null || order.number <= (this.done ?? 0)) return;
    let fault = "";
    this.doing = order.number;
    this.report();
    try {
      fault = await this.carryOut(order, stage);
    } catch (error) {
      fault = error instanceof Error ? error.message : String(error);
    }
    this.doing = null;
    this.done = order.number;
    this.fault = fault.slice(0, 200);
    this.badge.driven(order.driver);
    this.report();
  }

  /** Does it; answers with what could not be done. */
  private async carryOut(order: Order, stage: Stage): Promise<string> {
    if (PICTURES.has(order.do)) this.tour.pause("order");
    switch (order.do) {
      case "scene":
        return this.show(order.shown, stage);
      case "tour":
        this.tour.play(order.playing);
        return "";
      case "stop":
        this.tour.stop();
        return "";
      case "pause":
        this.tour.pause("order");
        return "";
      case "resume":
        this.tour.resume();
        return "";
      case "next":
        this.tour.move(1);
        return "";
      case "previous":
        this.tour.move(-1);
        return "";
      case "identify":
        this.badge.identify(this.deps.clock.now());
        return "";
      case "silence":
        stage.hush();
        return "";
      case "fold":
        stage.fold(order.folded);
        return "";
      case "close":
        stage.close();
        return "";
    }
    this.scene = null;
    switch (order.do) {
      case "home":
        await stage.home();
        return "";
      case "layer":
        return stage.showLayer(order.layer, order.shown) ? "" : t("大屏没有这个图层");
      case "solid":
        await stage.stand(order.solid);
        return "";
      case "district":
        return stage.look(order.district) ? "" : t("大屏看不到这个区");
      case "fly":
        await stage.approach(order.lon, order.lat, order.zoom);
        return "";
      case "zoom":
        await stage.zoom(order.by);
        return "";
      case "past":
        stage.replay(order.moment === null ? null : order);
        return "";
      case "asset":
        stage.openAsset(order.id);
        return "";
      case "alert":
        stage.openAlert(order.id);
        return "";
    }
  }

  private async showStep(step: RunStep): Promise<void> {
    const { stage } = this;
    if (stage === null) return;
    this.fault = await this.show(step, stage);
    this.reportSoon();
  }

  private async show({ scene, view, district, layers, folded, asset }: ShownScene, stage: Stage): Promise<string> {
    stage.close();
    stage.fold(folded);
    const missing = layers === null ? 0 : stage.showLayers(layers);
    const isSeen = stage.look(district);
    const landed = stage.fly(view);
    if (asset !== null) stage.openAsset(asset);
    this.scene = scene;
    await landed;
    if (missing > 0) return t("有 {n} 个图层大屏没有", { n: missing });
    return isSeen ? "" : t("大屏看不到这个区");
  }

  /** Somebody is at the wall itself: what they do goes before what the tour does. */
  private touched(event: Event): void {
    if (!event.isTrusted || this.badge.owns(event.target)) return;
    this.scene = null;
    if (this.tour.isPlaying) this.tour.pause("touch");
    this.reportSoon();
  }

  private changed(): void {
    this.badge.plays(this.tour.run);
    this.reportSoon();
  }

  private rename(name: string): void {
    this.identity.name = name;
    this.announce();
  }

  private async keep(name: string): Promise<void> {
    const { welcome, deps } = this;
    if (welcome === null) {
      deps.note(t("大屏尚未接入导播，请稍后再试。"));
      return;
    }
    this.report();
    try {
      await deps.keep(welcome.id, name);
      deps.note(t("已存为场景“{name}”。", { name }));
    } catch (error) {
      deps.note(t("场景未保存：{what}。", { what: error instanceof Error ? error.message : String(error) }));
    }
  }

  private reportSoon(): void {
    if (this.reportTimer !== undefined) return;
    this.reportTimer = setTimeout(() => this.report(), REPORT_WAIT_MS);
  }

  private report(): void {
    clearTimeout(this.reportTimer);
    this.reportTimer = undefined;
    const { stage, welcome, done, fault } = this;
    if (stage === null || welcome === null) return;
    const playing: Playing | null = this.tour.report();
    this.deps.say({ type: "wall_state", state: this.state(stage), playing, done: done ?? 0, fault });
  }

  private state(stage: Stage): WallState {
    return {
      view: stage.view(),
      district: stage.district,
      layers: stage.layers(),
      folded: stage.folded(),
      solid: stage.isSolid,
      asset: stage.asset,
      alert: stage.alert,
      sound: stage.isLoud,
      scene: this.scene,
      past: stage.past,
      doing: this.doing,
    };
  }
}
