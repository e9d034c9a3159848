import { signIn } from "../boot";
import { h, setText } from "../dom";
import { LiveSocket, type SocketState } from "../live/socket";
import { languageForm, pageMenu } from "../pages";
import { type Alert, AlertBook } from "../screen/alerts";
import { RefusedError } from "../screen/api";
import { happened } from "../screen/happened";
import { Clock } from "../time";
import { t } from "../words";
import { DirectorApi } from "./api";
import type { DirectorBoot } from "./boot";
import { Now } from "./now";
import { isPresent, outcome } from "./presence";
import { Prompt } from "./prompt";
import type { Deed, SceneInfo, TourInfo, WallInfo, WallMessage } from "./protocol";
import { Scenes } from "./scenes";
import { Steering } from "./steering";
import { Tours } from "./tours";
import { Walls } from "./walls";

const CHOSEN = "sandtable.director.wall";
const TICK_MS = 500;
const SAID_MS = 6000;
type Pane = "now" | "scenes" | "tours" | "steering";

interface Sent {
  number: number;
  wall: number;
  at: number;
}

/** The director's page: walls, scenes, tours, and a hand on the wall. */
export class DirectorApp {
  private readonly api: DirectorApi;
  private readonly clock: Clock;
  private readonly walls = new Map<number, WallInfo>();
  private readonly book = new AlertBook();
  private readonly chooser: Walls;
  private readonly now: Now;
  private readonly sceneList: Scenes;
  private readonly tourList: Tours;
  private readonly steering: Steering;
  private readonly prompt = new Prompt();
  private readonly light = h("span", { class: "link-light", role: "status" });
  private readonly said = h("p", { class: "said", role: "status" });
  private readonly tabs = new Map<Pane, HTMLElement>();
  private readonly socket: LiveSocket;
  private scenes: SceneInfo[] = [];
  private tours: TourInfo[] = [];
  private chosen: number | null = Number(localStorage.getItem(CHOSEN)) || null;
  private sent: Sent | null = null;
  private saidAt = 0;

  constructor(
    private readonly root: HTMLElement,
    private readonly boot: DirectorBoot,
    theme: HTMLElement,
  ) {
    this.api = new DirectorApi(boot.urls, boot.csrf);
    this.clock = new Clock(boot.language, boot.time_zone);
    const tell = (order: Deed): void => void this.tell(order);
    this.chooser = new Walls(this.clock, boot.urls.screen, (wall) => this.choose(wall.id));
    this.now = new Now(boot, this.clock, tell);
    this.sceneList = new Scenes({
      onShow: ({ id }) => tell({ do: "scene", scene: id }),
      onKeep: () => this.keepPicture(),
      onRename: (scene) => this.prompt.name(t("场景改名"), scene.name, (name) => void this.change(() => this.api.changeScene({ ...scene, name }))),
      onDelete: (scene) => this.prompt.confirm(t("删除场景“{name}”？", { name: scene.name }), () => void this.change(() => this.api.deleteScene(scene.id))),
      onForward: (scene) => void this.change(() => this.forward(scene)),
    });
    this.tourList = new Tours({
      onPlay: ({ id }) => tell({ do: "tour", tour: id }),
      onKeep: (id, draft) => void this.change(() => this.api.keepTour(id, draft)),
      onDelete: (tour) => this.prompt.confirm(t("删除巡演“{name}”？", { name: tour.name }), () => void this.change(() => this.api.deleteTour(tour.id))),
    });
    this.steering = new Steering(boot.districts, {
      tell,
      tellAll: (order) => void this.tell(order, this.present()),
      now: () => this.clock.now(),
      search: (query) => this.search(query),
    });
    this.socket = LiveSocket.to(boot.urls.live, {
      onControl: (message) => {
        if (message.type === "hello" || message.type === "pulse") this.clock.hear(message.server_time);
        if (message.type === "hello") this.socket.say({ type: "director" });
      },
      onOther: (message) => this.hear(message as WallMessage),
      onFrame: () => undefined,
      onState: (state) => this.connection(state),
      onSessionEnded: () => signIn(boot.urls),
    });
    this.build(theme);
  }

  async start(): Promise<void> {
    this.socket.start();
    setInterval(() => this.tick(), TICK_MS);
    await this.read();
    try {
      this.steering.declare(await this.api.layers());
    } catch (error) {
      this.say(t("图层读取失败：{what}。刷新页面可重试。", { what: happened(error) }));
    }
  }

  private build(theme: HTMLElement): void {
    const names: [Pane, string][] = [["now", t("现在")], ["scenes", t("场景")], ["tours", t("巡演")], ["steering", t("操控")]];
    for (const [pane, name] of names) {
      this.tabs.set(pane, h("button", { type: "button", class: "tab", "data-tab": pane, onclick: () => this.turn(pane) }, name));
    }
    this.root.replaceChildren(
      h(
        "header",
        { class: "head" },
        h("h1", {}, t("导播台")),
        this.chooser.button,
        this.light,
        h("span", { class: "head-links" }, theme, pageMenu(this.boot, languageForm(this.boot))),
      ),
      h(
        "main",
        { class: "stage" },
        this.now.element,
        h("div", { class: "side-panes" }, this.sceneList.element, this.tourList.element, this.steering.element),
      ),
      this.said,
      h("nav", { class: "tabs", "aria-label": t("导播台") }, ...this.tabs.values()),
      this.chooser.dialog, this.tourList.dialog, this.prompt.dialog,
    );
    this.turn("scenes");
    this.draw();
  }

  private turn(pane: Pane): void {
    this.root.dataset.pane = pane;
    for (const [name, tab] of this.tabs) tab.setAttribute("aria-current", name === pane ? "page" : "false");
  }

  private get wall(): WallInfo | null {
    return this.chosen === null ? null : (this.walls.get(this.chosen) ?? null);
  }

  private present(): WallInfo[] {
    return [...this.walls.values()].filter((wall) => isPresent(wall, this.clock.now()));
  }

  /** The one wall that is there; nothing is chosen for anybody between two. */
  private onlyOne(): number | null {
    const there = this.present();
    return there.length === 1 ? there[0].id : this.chosen;
  }

  private choose(id: number): void {
    this.chosen = id;
    this.sent = null;
    localStorage.setItem(CHOSEN, String(id));
    this.draw();
  }

  private hear(message: WallMessage | { type: "alerts"; alerts: Alert[]; truncated: boolean } | { type: "alert"; alert: Alert }): void {
    switch (message.type) {
      case "walls":
        this.walls.clear();
        for (const wall of message.walls) this.walls.set(wall.id, wall);
        // Told again, too, after somebody changed scenes or tours.
        void this.read();
        break;
      case "wall_now":
        this.walls.set(message.wall.id, message.wall);
        break;
      case "alerts":
        this.book.load(message.alerts, message.truncated);
        this.steering.showAlerts(this.book.list(""));
        return;
      case "alert":
        this.book.take(message.alert);
        this.steering.showAlerts(this.book.list(""));
        return;
      default:
        return;
    }
    if (this.wall === null) this.chosen = this.onlyOne();
    this.draw();
  }

  /** Tells the wall, or all of some, and says what becomes of it at the chosen one. */
  private async tell(order: Deed, walls: readonly WallInfo[] = this.wall === null ? [] : [this.wall]): Promise<void> {
    const followed = walls.find(({ id }) => id === this.chosen) ?? walls[0];
    if (followed === undefined) {
      this.chooser.dialog.showModal();
      return;
    }
    this.say(t("已发出，等待大屏…"));
    try {
      const numbers = await Promise.all(walls.map(({ id }) => this.api.tell(id, order)));
      this.sent = { number: numbers[walls.indexOf(followed)], wall: followed.id, at: Date.now() };
      this.follow();
    } catch (error) {
      this.sent = null;
      this.failed(error);
    }
  }

  /** What has become of the last order. */
  private follow(): void {
    const { sent } = this;
    const wall = sent === null ? undefined : this.walls.get(sent.wall);
    if (sent === null || wall === undefined) return;
    const fate = outcome(sent.number, sent.at, wall, Date.now());
    if (fate === "moving") this.say(t("大屏正在切换…"));
    if (fate === "waiting" || fate === "moving") return;
    this.sent = null;
    if (fate === "unanswered") this.say(t("大屏没有回应，可能已断开。"));
    else this.say(wall.fault === "" ? t("大屏已显示") : t("大屏已执行：{what}", { what: wall.fault }));
  }

  private keepPicture(): void {
    const { wall } = this;
    if (wall === null) this.chooser.dialog.showModal();
    else this.prompt.name(t("把大屏当前画面存为场景"), "", (name) => void this.change(() => this.api.keepPicture(wall.id, name)));
  }

  /** Puts a scene one place earlier; all of one's own get numbers in the order in which they are shown. */
  private async forward(scene: SceneInfo): Promise<void> {
    const order = [...this.scenes];
    const place = order.findIndex(({ id }) => id === scene.id);
    if (place < 1) return;
    [order[place - 1], order[place]] = [order[place], order[place - 1]];
    for (const [position, each] of order.entries()) {
      if (each.kept && each.position !== position) await this.api.changeScene({ ...each, position });
    }
  }

  private async change(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
      this.say(t("已保存"));
    } catch (error) {
      this.failed(error);
    }
    await this.read();
  }

  private async read(): Promise<void> {
    try {
      [this.scenes, this.tours] = await Promise.all([this.api.scenes(), this.api.tours()]);
    } catch (error) {
      this.failed(error);
    }
    this.draw();
  }

  private async search(query: string): ReturnType<DirectorApi["search"]> extends Promise<{ results: infer R }> ? Promise<R> : never {
    try {
      return (await this.api.search(query)).results;
    } catch (error) {
      this.failed(error);
      return [];
    }
  }

  private draw(): void {
    const { wall } = this;
    this.chooser.show(this.walls.values(), wall);
    this.now.show(wall, this.scenes);
    this.sceneList.show(this.scenes, wall?.state.scene ?? null);
    this.tourList.show(this.tours, this.scenes, wall?.run?.tour ?? null);
    this.steering.show(wall);
    this.follow();
  }

  private tick(): void {
    this.chooser.show(this.walls.values(), this.wall);
    this.now.tick();
    this.follow();
    if (this.sent === null && this.saidAt !== 0 && Date.now() - this.saidAt > SAID_MS) this.say("");
  }

  private connection({ phase }: SocketState): void {
    const words = { connecting: t("连接中"), open: t("实时"), broken: t("已断开 重连中") };
    this.light.dataset.state = phase;
    setText(this.light, words[phase]);
  }

  private failed(error: unknown): void {
    this.say(error instanceof RefusedError ? error.detail : t("没有完成：{what}", { what: happened(error) }));
  }

  private say(text: string): void {
    setText(this.said, text);
    this.saidAt = text === "" ? 0 : Date.now();
  }
}
