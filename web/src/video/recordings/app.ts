import { ApiError } from "../../api";
import { signIn } from "../../boot";
import { h, setText } from "../../dom";
import { happened } from "../../screen/happened";
import { Clock } from "../../time";
import { t } from "../../words";
import { keepSnapshot } from "../snapshot";
import { type ChannelInfo, RecordingsApi, type RecordingsBoot, type Segment } from "./api";
import { Calendar } from "./calendar";
import { ChannelList } from "./channels";
import { Controls } from "./controls";
import { DevicePast, DeviceReel } from "./device";
import { Keepers } from "./keepers";
import { loadDown } from "./loading";
import type { Playing, ReelListener } from "./playing";
import { Reel } from "./reel";
import { Saying } from "./saying";
import { TimelineView } from "./timeline";
import { Tools } from "./tools";

const TICK_MS = 250;
const READ_MS = 5000;
const FRAME_S = 0.04;
/** What is remembered is on the disk after about so long. */
const KEPT_MS = 2500;
const DAY_MS = 86_400_000;

/** The recordings' page: a channel, a moment, and what is done with it. */
export class RecordingsApp {
  private readonly api: RecordingsApi;
  private readonly clock: Clock;
  private readonly stamp: Intl.DateTimeFormat;
  private readonly video = h("video", { playsinline: true });
  private readonly caption = h("div", { class: "caption" });
  private readonly empty = h("p", { class: "empty", role: "status" });
  private readonly saying = new Saying();
  private readonly list = new ChannelList((channel) => void this.open(channel, this.reel?.at ?? null));
  private readonly title = h("h1", {}, t("录像"));
  private readonly controls: Controls;
  private readonly keepers = new Keepers(() => this.channel !== null && void this.open(this.channel, this.reel?.isShown === true ? this.reel.at : null));
  private readonly timeline: TimelineView;
  private readonly tools: Tools;
  private readonly calendar: Calendar;
  private channels: ChannelInfo[] = [];
  private channel: ChannelInfo | null = null;
  private reel: Playing | null = null;
  /** What devices have recorded; looked at where that is chosen. */
  private readonly past: DevicePast;
  private reading = 0;
  private opened = 0;

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
    this.past = new DevicePast(boot.urls.video, boot.csrf, () => this.clock.now());
    const load = (channel: number, from: number, to: number, said: HTMLElement): Promise<void> => loadDown(this.past, channel, from, to, said);
    const { keepers } = this;
    this.tools = new Tools(this.api, {
      get load() {
        return keepers.isOnDevice ? load : null;
      },
      at: () => this.reel?.at ?? null,
      onChosen: (span) => this.timeline.choose(span),
      onChanged: () => void this.read(),
      onSeek: (at) => this.seek(at),
      say: (text) => this.saying.say(text),
      timeText: (at) => this.stamp.format(at),
    });
    this.calendar = new Calendar(
      this.day(this.clock.now()),
      async (month) => (this.channel === null ? [] : this.api.days(this.channel.id, month)),
      (day) => this.openDay(day),
      boot.language,
    );
    this.controls = new Controls({
      toggle: () => this.toggle(),
      step: (by) => this.step(by),
      move: (seconds) => this.move(seconds),
      zoom: (factor) => this.timeline.zoom(factor),
      speed: (times) => this.reel?.speed(times),
      snap: () => void this.keepPicture(),
      full: () => void this.screen.requestFullscreen(),
      lastMinute: () => void this.lastMinute(),
    });
  }

  async start(): Promise<void> {
    this.build();
    window.setInterval(() => this.tick(), TICK_MS);
    window.setInterval(() => void this.read(), READ_MS);
    const asked = new URLSearchParams(window.location.search);
    const wanted: Record<string, string> = {};
    for (const name of ["asset", "alert"]) if (asked.get(name)) wanted[name] = asked.get(name) ?? "";
    try {
      this.channels = await this.api.channels(wanted);
      if (this.channels.length === 0 && Object.keys(wanted).length > 0) {
        this.saying.say(t("没有与它有关的录像，列出的是全部摄像机。"));
        this.channels = await this.api.channels({});
      }
    } catch (error) {
      if (error instanceof ApiError && error.isSignedOut) signIn(this.boot.urls);
      this.fail(error);
      return;
    }
    this.list.set(this.channels);
    const first = this.channels.find(({ id }) => String(id) === asked.get("channel")) ?? this.channels[0];
    if (first === undefined) {
      setText(this.empty, t("没有可看的摄像机。摄像机接入后，在工作台的“录像计划”中安排录像。"));
      return;
    }
    const at = Number(asked.get("at"));
    await this.open(first, Number.isFinite(at) && at > 0 ? at : null);
  }

  private build(): void {
    this.screen.append(this.video, this.caption, this.empty);
    const topline = h(
      "header",
      { class: "page-top" },
      h("a", { href: this.boot.urls.map, class: "back" }, t("地图")),
      this.title,
      this.keepers.element,
      this.saying.element,
    );
    this.root.replaceChildren(
      h(
        "div",
        { class: "recordings" },
        topline,
        this.list.element,
        h("main", {}, this.screen, this.controls.element),
        h("aside", { class: "side tools-side" }, this.calendar.element, this.tools.element),
        this.timeline.element,
      ),
    );
    for (const name of ["play", "pause"]) this.video.addEventListener(name, () => this.showPlaying());
  }

  private readonly screen = h("div", { class: "picture" });

  private async open(channel: ChannelInfo, at: number | null): Promise<void> {
    const turn = ++this.opened;
    this.drop();
    this.channel = channel;
    this.keepers.show(channel.on_device);
    this.controls.limit(this.keepers.isOnDevice);
    setText(this.title, channel.name);
    setText(this.empty, this.keepers.isOnDevice ? t("正在问设备有哪些录像…") : t("读取中…"));
    this.list.show(channel);
    this.tools.open(channel.id);
    if (at !== null && (at < this.timeline.from || at > this.timeline.to)) this.timeline.view(at - 3_600_000, at + 3_600_000);
    const stretches = await this.read();
    void this.calendar.show();
    if (turn !== this.opened) return;
    const last = stretches?.at(-1);
    this.seek(at ?? (last === undefined ? this.timeline.from : Math.max(last[0], last[1] - 60_000)));
  }

  private seek(at: number): void {
    if (this.channel === null) return;
    const isFirst = this.reel === null;
    setText(this.empty, "");
    this.reel ??= this.newReel(this.channel.id, at);
    this.timeline.point_to(at);
    this.reel.seek(at).catch((error: unknown) => this.fail(error));
    this.reel.speed(this.controls.times);
    if (isFirst) void this.video.play().catch(() => this.showPlaying());
  }

  private newReel(channel: number, at: number): Playing {
    const listener: ReelListener = {
      onEnd: () => setText(this.empty, t("此后没有录像。")),
      onProblem: (error) => this.fail(error),
      onUnplayable: (codecs) => setText(this.empty, t("这个浏览器不能播放 {codecs}，可截取下载后观看。", { codecs })),
      onSegment: (segment) => this.showSegment(segment),
    };
    if (this.keepers.isOnDevice) return new DeviceReel(this.past, channel, this.video, listener, at);
    return new Reel(this.api, channel, this.video, listener, at);
  }

  private drop(): void {
    this.reel?.close();
    this.reel = null;
    this.caption.dataset.more = "";
  }

  private showSegment({ left_out, damaged }: Segment): void {
    const words = [left_out === "" ? "" : t("未录声音（{codec}）", { codec: left_out }), damaged > 0 ? t("有 {n} 帧损坏", { n: damaged }) : ""];
    this.caption.dataset.more = words.filter((word) => word !== "").join(" · ");
  }

  private toggle(): void {
    this.reel?.pause(!this.reel.isPaused);
    this.showPlaying();
  }

  private showPlaying(): void {
    this.controls.showPlaying(this.reel?.isPaused ?? true);
  }

  private step(by: number): void {
    if (this.reel === null || this.keepers.isOnDevice) return; // what a device sends comes as it comes
    this.reel.pause(true);
    this.video.currentTime += by * FRAME_S;
  }

  private move(seconds: number): void {
    if (this.reel !== null) this.seek(this.reel.at + seconds * 1000);
  }

  private async keepPicture(): Promise<void> {
    if (this.reel === null || this.channel === null) return;
    const { name, address, code } = this.channel;
    const isKept = await keepSnapshot(this.video, { name, place: address || code, time: this.stamp.format(this.reel.at) });
    if (!isKept) this.saying.say(t("还没有画面。"));
  }

  /** The minute before now: of a camera that is not recorded, what the platform remembers of it is kept first. */
  private async lastMinute(): Promise<void> {
    const { channel } = this;
    if (channel === null) return;
    this.keepers.choose(false);
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
    this.showPlaying();
    if (this.reel?.isShown === true) {
      const { at } = this.reel;
      setText(this.caption, [this.stamp.format(at), this.caption.dataset.more ?? ""].filter((word) => word !== "").join("   "));
      this.timeline.point_to(at);
      this.calendar.choose(this.day(at));
      if (!this.reel.isPaused && this.empty.textContent !== "") setText(this.empty, "");
    }
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
      const stretches = this.keepers.isOnDevice ? await this.past.stretches(channel.id, this.timeline.from, this.timeline.to) : told.stretches;
      if (this.channel !== channel) return null;
      this.timeline.tell(stretches, told.marks, this.keepers.isOnDevice ? [] : told.missing);
      this.tools.tell(told.marks, told.may_handle, told.by_hand);
      if (told.channel.recording !== channel.recording) {
        channel.recording = told.channel.recording;
        this.list.show(channel);
      }
      return stretches;
    } catch (error) {
      if (error instanceof ApiError && error.isSignedOut) signIn(this.boot.urls);
      this.saying.say(happened(error));
      return null;
    }
  }

  private fail(error: unknown): void {
    this.saying.say(t("录像读取失败：{what}。", { what: happened(error) }));
  }
}
