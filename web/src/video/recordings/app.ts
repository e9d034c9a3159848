import { ApiError } from "../../api";
import { type Boot, type BootUrls, signIn } from "../../boot";
import { h, setText } from "../../dom";
import { happened } from "../../screen/happened";
import { Clock } from "../../time";
import { t } from "../../words";
import { download, snapshot } from "../snapshot";
import { type ChannelInfo, RecordingsApi, type Segment } from "./api";
import { Calendar } from "./calendar";
import { Reel } from "./reel";
import { TimelineView } from "./timeline";
import { Tools } from "./tools";

export interface RecordingsBoot extends Boot {
  urls: BootUrls & { recordings: string; map: string; screen: string };
}

const TICK_MS = 250;
const READ_MS = 5000;
const FRAME_S = 0.04;
const SAID_MS = 6000;
/** What is remembered is on the disk after about so long. */
const KEPT_MS = 2500;
const DAY_MS = 86_400_000;
const SPEEDS = [0.25, 0.5, 1, 2, 4, 8, 16];

/** The recordings' page: a channel, a moment, and what is done with it. */
export class RecordingsApp {
  private readonly api: RecordingsApi;
  private readonly clock: Clock;
  private readonly stamp: Intl.DateTimeFormat;
  private readonly video = h("video", { playsinline: true });
  private readonly caption = h("div", { class: "caption" });
  private readonly empty = h("p", { class: "empty", role: "status" });
  private readonly said = h("p", { class: "said", role: "status", hidden: true });
  private readonly list = h("ul", { class: "channels" });
  private readonly title = h("h1", {});
  private readonly play = h("button", { type: "button", class: "round", onclick: () => this.toggle() });
  private readonly speed = h("select", { "aria-label": t("倍速") });
  private readonly timeline: TimelineView;
  private readonly tools: Tools;
  private readonly calendar: Calendar;
  private channels: ChannelInfo[] = [];
  private channel: ChannelInfo | null = null;
  private reel: Reel | null = null;
  private reading = 0;
  private saidAt = 0;

  constructor(
    private readonly root: HTMLElement,
    private readonly boot: RecordingsBoot,
  ) {
    this.api = new RecordingsApi(boot.urls.recordings, boot.csrf);
    this.clock = new Clock(boot.language, boot.time_zone);
    this.stamp = new Intl.DateTimeFormat("sv-SE", { timeZone: boot.time_zone, dateStyle: "short", timeStyle: "medium" });
    this.timeline = new TimelineView(this.clock, {
      onSeek: (at) => this.seek(at),
      onView: () => this.readSoon(),
    });
    this.tools = new Tools(this.api, {
      at: () => this.reel?.at ?? null,
      onChosen: (span) => this.timeline.choose(span),
      onChanged: () => void this.read(),
      onSeek: (at) => this.seek(at),
      say: (text) => this.say(text),
      timeText: (at) => this.stamp.format(at),
    });
    this.calendar = new Calendar(
      this.day(this.clock.now()),
      async (month) => (this.channel === null ? [] : this.api.days(this.channel.id, month)),
      (day) => this.openDay(day),
      boot.language,
    );
    this.speed.append(...SPEEDS.map((speed) => h("option", { value: speed, selected: speed === 1 }, `${speed}×`)));
    this.speed.addEventListener("change", () => (this.video.playbackRate = Number(this.speed.value)));
  }

  async start(): Promise<void> {
    this.build();
    window.setInterval(() => this.tick(), TICK_MS);
    window.setInterval(() => void this.read(), READ_MS);
    document.addEventListener("keydown", (event) => this.key(event));
    const asked = new URLSearchParams(window.location.search);
    const wanted: Record<string, string> = {};
    for (const name of ["asset", "alert"]) if (asked.get(name)) wanted[name] = asked.get(name) ?? "";
    try {
      this.channels = await this.api.channels(wanted);
      if (this.channels.length === 0 && Object.keys(wanted).length > 0) {
        this.say(t("没有与它有关的录像，列出的是全部摄像机。"));
        this.channels = await this.api.channels({});
      }
    } catch (error) {
      if (error instanceof ApiError && error.isSignedOut) signIn(this.boot.urls);
      this.fail(error);
      return;
    }
    this.showChannels();
    const first = this.channels.find(({ id }) => String(id) === asked.get("channel")) ?? this.channels[0];
    if (first === undefined) {
      setText(this.empty, t("没有可看的摄像机。摄像机接入后，在工作台的“录像计划”中安排录像。"));
      return;
    }
    const at = Number(asked.get("at"));
    await this.open(first, Number.isFinite(at) && at > 0 ? at : null);
  }

  private build(): void {
    const button = (text: string, label: string, act: () => void): HTMLElement =>
      h("button", { type: "button", title: label, "aria-label": label, onclick: act }, text);
    const search = h("input", { type: "search", placeholder: t("找摄像机"), "aria-label": t("找摄像机") });
    search.addEventListener("input", () => this.showChannels(search.value.trim()));
    const controls = h(
      "div",
      { class: "controls" },
      button("−10", t("后退 10 秒"), () => this.move(-10)),
      button("◂", t("上一帧"), () => this.step(-1)),
      this.play,
      button("▸", t("下一帧"), () => this.step(1)),
      button("+10", t("前进 10 秒"), () => this.move(10)),
      this.speed,
      button("＋", t("放大时间轴"), () => this.timeline.zoom(0.5)),
      button("－", t("缩小时间轴"), () => this.timeline.zoom(2)),
      h("button", { type: "button", class: "text", onclick: () => void this.keepPicture() }, t("抓图")),
      h("button", { type: "button", class: "text", onclick: () => void this.screen.requestFullscreen() }, t("全屏")),
      h("button", { type: "button", class: "text", onclick: () => void this.lastMinute() }, t("最近一分钟")),
    );
    this.screen.append(this.video, this.caption, this.empty);
    const topline = h(
      "header",
      { class: "recordings-top" },
      h("a", { href: this.boot.urls.map, class: "back" }, t("地图")),
      this.title,
      this.said,
    );
    this.root.replaceChildren(
      h(
        "div",
        { class: "recordings" },
        topline,
        h("nav", { class: "side channels-side", "aria-label": t("摄像机") }, search, this.list),
        h("main", {}, this.screen, controls),
        h("aside", { class: "side tools-side" }, this.calendar.element, this.tools.element),
        this.timeline.element,
      ),
    );
    for (const name of ["play", "pause"]) this.video.addEventListener(name, () => this.showPlaying());
    this.showPlaying();
  }

  private readonly screen = h("div", { class: "picture" });

  private showChannels(query = ""): void {
    const shown = this.channels.filter(({ name, code, address }) => `${name} ${code} ${address}`.includes(query));
    this.list.replaceChildren(
      ...shown.map((channel) =>
        h(
          "li",
          {},
          h(
            "button",
            { type: "button", "aria-current": channel.id === this.channel?.id ? "true" : undefined, onclick: () => void this.open(channel, this.reel?.at ?? null) },
            h("span", { class: channel.recording ? "dot on" : "dot", title: channel.recording ? t("正在录像") : "" }),
            h("span", { class: "name" }, channel.name),
            h("span", { class: "quiet" }, channel.owner || channel.address),
          ),
        ),
      ),
    );
  }

  private async open(channel: ChannelInfo, at: number | null): Promise<void> {
    this.reel?.close();
    this.reel = null;
    this.channel = channel;
    setText(this.title, channel.name);
    setText(this.empty, t("读取中…"));
    this.showChannels();
    this.tools.open(channel.id);
    if (at !== null && (at < this.timeline.from || at > this.timeline.to)) this.timeline.view(at - 3_600_000, at + 3_600_000);
    const stretches = await this.read();
    void this.calendar.show();
    if (this.channel !== channel) return;
    const last = stretches?.at(-1);
    this.seek(at ?? (last === undefined ? this.timeline.from : Math.max(last[0], last[1] - 60_000)));
  }

  private seek(at: number): void {
    if (this.channel === null) return;
    const isFirst = this.reel === null;
    setText(this.empty, "");
    this.reel ??= new Reel(this.api, this.channel.id, this.video, {
      onEnd: () => setText(this.empty, t("此后没有录像。")),
      onProblem: (error) => this.fail(error),
      onUnplayable: (codecs) => setText(this.empty, t("这个浏览器不能播放 {codecs}，可截取下载后观看。", { codecs })),
      onSegment: (segment) => this.showSegment(segment),
    }, at);
    this.timeline.point_to(at);
    this.reel.seek(at).catch((error: unknown) => this.fail(error));
    this.video.playbackRate = Number(this.speed.value);
    if (isFirst) void this.video.play().catch(() => this.showPlaying());
  }

  private showSegment({ left_out, damaged }: Segment): void {
    const words = [left_out === "" ? "" : t("未录声音（{codec}）", { codec: left_out }), damaged > 0 ? t("有 {n} 帧损坏", { n: damaged }) : ""];
    this.caption.dataset.more = words.filter((word) => word !== "").join(" · ");
  }

  private toggle(): void {
    if (this.video.paused) void this.video.play();
    else this.video.pause();
  }

  private showPlaying(): void {
    setText(this.play, this.video.paused ? t("播放") : t("暂停"));
  }

  private step(by: number): void {
    this.video.pause();
    if (this.reel !== null) this.video.currentTime += by * FRAME_S;
  }

  private move(seconds: number): void {
    if (this.reel !== null) this.seek(this.reel.at + seconds * 1000);
  }

  private key(event: KeyboardEvent): void {
    if (event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement || event.ctrlKey || event.metaKey) return;
    const acts: Record<string, () => void> = {
      " ": () => this.toggle(), ArrowLeft: () => this.move(-10), ArrowRight: () => this.move(10),
      ",": () => this.step(-1), ".": () => this.step(1), "+": () => this.timeline.zoom(0.5), "-": () => this.timeline.zoom(2),
    };
    const act = acts[event.key];
    if (act === undefined || (event.key === " " && event.target instanceof HTMLButtonElement)) return;
    event.preventDefault();
    act();
  }

  private async keepPicture(): Promise<void> {
    if (this.reel === null || this.channel === null) return;
    const time = this.stamp.format(this.reel.at);
    const { name, address, code } = this.channel;
    const file = await snapshot(this.video, { name, place: address || code, time });
    if (file === null) this.say(t("还没有画面。"));
    else download(file, `${name}-${time.replace(/[^0-9]/g, "")}.png`);
  }

  /** The minute before now: of a camera that is not recorded, what the platform remembers of it is kept first. */
  private async lastMinute(): Promise<void> {
    const { channel } = this;
    if (channel === null) return;
    let from = this.clock.now() - 60_000;
    if (!channel.recording) {
      try {
        ({ from } = await this.api.replay(channel.id));
      } catch (error) {
        this.fail(error);
        return;
      }
      await new Promise((done) => window.setTimeout(done, KEPT_MS));
    }
    if (this.channel === channel) this.seek(from);
  }

  private openDay(day: string): void {
    const offset = this.clock.midnight() - Date.parse(`${this.day(this.clock.now())}T00:00:00Z`);
    const from = Date.parse(`${day}T00:00:00Z`) + offset;
    this.calendar.choose(day);
    this.timeline.view(from, from + DAY_MS);
    this.seek(from);
  }

  private day(at: number): string {
    return this.stamp.format(at).slice(0, 10);
  }

  private tick(): void {
    this.reel?.tick();
    const isShown = this.reel !== null && this.video.readyState >= 2;
    if (isShown && this.reel !== null) {
      const { at } = this.reel;
      setText(this.caption, [this.stamp.format(at), this.caption.dataset.more ?? ""].filter((word) => word !== "").join("   "));
      this.timeline.point_to(at);
      this.calendar.choose(this.day(at));
      if (!this.video.paused && this.empty.textContent !== "") setText(this.empty, "");
    }
    if (!this.said.hidden && Date.now() - this.saidAt > SAID_MS) this.said.hidden = true;
  }

  private readSoon(): void {
    window.clearTimeout(this.reading);
    this.reading = window.setTimeout(() => void this.read(), 200);
  }

  private async read(): Promise<[number, number][] | null> {
    const { channel } = this;
    if (channel === null) return null;
    try {
      const told = await this.api.timeline(channel.id, this.timeline.from, this.timeline.to);
      if (this.channel !== channel) return null;
      this.clock.hear(told.now);
      this.timeline.tell(told.stretches, told.marks);
      this.tools.tell(told.marks, told.may_handle, told.by_hand);
      if (told.channel.recording !== channel.recording) {
        channel.recording = told.channel.recording;
        this.showChannels();
      }
      return told.stretches;
    } catch (error) {
      if (error instanceof ApiError && error.isSignedOut) signIn(this.boot.urls);
      this.say(happened(error));
      return null;
    }
  }

  private say(text: string): void {
    setText(this.said, text);
    this.said.hidden = false;
    this.saidAt = Date.now();
  }

  private fail(error: unknown): void {
    this.say(t("录像读取失败：{what}。", { what: happened(error) }));
  }
}
