import { ApiError } from "../../api";
import type { AssetColumns } from "../../live/frames";
import type { Stream } from "../../live/stream";
import type { Notices } from "../../map/notices";
import type { Replay } from "../../director/protocol";
import type { Clock } from "../../time";
import { t } from "../../words";
import type { Alert } from "../alerts";
import { RefusedError } from "../api";
import { happened } from "../happened";
import { PastAreas } from "./areas";
import { TimeBar } from "./bar";
import { Flag } from "./flag";
import { listenToTimeKeys } from "./keys";
import type { MapClock } from "./mapclock";
import { Player, replayed } from "./player";
import { noRows, portion } from "./rows";
import { PastSource } from "./source";

/** How often the playback moves on; what is drawn glides between. */
const STEP_MS = 250;
/** A slider that is dragged asks for a picture when it has rested so long. */
const REST_MS = 150;
/** Alerts of then are read again so often while it plays. */
const ALERTS_MS = 2000;
const KEPT_MS = 10 * 60_000;

interface Deps {
  clock: Clock;
  mapClock: MapClock;
  timeZone: string;
  stream: Stream;
  notices: Notices;
  urls: { past: string; alerts: string };
  /** The alerts of the moment shown; null: those of the present. */
  onAlerts(alerts: readonly Alert[] | null): void;
  /** The areas of this moment belong on the map; null: those of the present. */
  onAreas(at: number | null): void;
  /** Another moment is shown; null: the present. */
  onMoment(at: number | null): void;
  /** Another moment than the one before is shown, not by playing on; or the present again. */
  onJump(): void;
  onSignedOut(): void;
}

/** The time machine of the screen: takes the map to a moment that is kept, plays on from there, and back. */
export class TimeMachine {
  /** Belongs into the wall's foot. */
  readonly bar: TimeBar;
  /** Belongs over the map. */
  readonly flag: Flag;
  private readonly source: PastSource;
  private readonly player: Player;
  private readonly areas: PastAreas;
  private problem = "";
  private timer: ReturnType<typeof setInterval> | undefined;
  private rest: ReturnType<typeof setTimeout> | undefined;
  /** A moment was chosen that is not yet asked for. */
  private isAiming = false;
  private ticked = 0;
  private alertsAt = 0;
  private readingAlerts = new AbortController();

  constructor(private readonly deps: Deps) {
    const { clock, urls } = deps;
    this.source = new PastSource(urls.past, urls.alerts);
    this.areas = new PastAreas(
      (at, signal) => this.source.areaSpan(at, signal),
      (at) => deps.onAreas(at),
      (error) => deps.notices.note(t("当时的区域读取失败：{what}。", { what: happened(error) })),
    );
    this.player = new Player(
      this.source,
      {
        show: (columns, moment, isWhole) => this.draw(columns, moment, isWhole),
        changed: () => this.moved(),
        failed: (error, isWhole) => this.failed(error, isWhole),
        arrived: () => {
          this.present();
          deps.notices.note(t("已播放到现在，回到实时。"));
        },
      },
      () => clock.now(),
    );
    this.bar = new TimeBar(clock, deps.timeZone, {
      onGo: (moment) => this.aim(moment),
      onPlay: (isPlaying) => this.alone().play(isPlaying),
      onSpeed: (speed) => this.alone().hurry(speed),
      onPresent: () => this.present(),
    });
    this.flag = new Flag(clock, () => this.present());
    listenToTimeKeys({
      isPast: () => this.isPast,
      toggle: () => this.alone().play(!this.player.isPlaying),
      step: (direction) => this.bar.step(direction),
    });
    this.bar.show(this.state());
    void this.readKept();
    setInterval(() => void this.readKept(), KEPT_MS);
  }

  /** Whether the map shows the past. */
  get isPast(): boolean {
    return this.moment !== null;
  }

  /** The moment that the map shows, ms since 1970 UTC; null: the present. */
  get moment(): number | null {
    return this.deps.mapClock.at;
  }

  get isPlaying(): boolean {
    return this.player.isPlaying;
  }

  /** Shows what other walls show, and plays with them. */
  follow(replay: Replay): void {
    this.go(replayed(replay, this.deps.clock.now()));
    this.player.replay = replay;
    this.player.hurry(replay.speed);
    this.player.play(replay.playing);
  }

  /** Takes the map to a moment. */
  go(moment: number): void {
    this.player.replay = null;
    clearTimeout(this.rest);
    this.isAiming = false;
    this.enter(moment);
    void this.player.seek(moment);
  }

  /** Back to the present. */
  present(): void {
    clearTimeout(this.rest);
    this.player.replay = null;
    this.isAiming = false;
    if (!this.isPast) {
      this.bar.show(this.state());
      return;
    }
    clearInterval(this.timer);
    this.player.stop();
    this.readingAlerts.abort();
    this.areas.present();
    this.deps.onMoment(null);
    this.deps.mapClock.at = null;
    this.problem = "";
    this.flag.show(null);
    this.bar.show(this.state());
    this.deps.onAlerts(null);
    this.deps.stream.resume();
    this.deps.onJump();
  }

  /** Looks into one district by its code, or at all (""). */
  look(district: string): void {
    if (district === this.source.district) return;
    this.source.district = district;
    if (this.moment !== null) void this.player.seek(this.moment);
  }

  /** A new alert has come in the present: a map of the past must not hide it. */
  hear(): void {
    if (this.isPast) this.flag.alert();
  }

  /** Once a second. */
  tick(): void {
    this.bar.tick();
  }

  /** A slider under a hand chooses many moments: the last counts. */
  private aim(moment: number): void {
    clearTimeout(this.rest);
    this.isAiming = true;
    this.enter(moment);
    this.rest = setTimeout(() => this.go(moment), REST_MS);
  }

  private enter(moment: number): void {
    this.problem = "";
    if (!this.isPast) {
      this.deps.stream.hold();
      this.deps.onAlerts([]); // those of now do not belong on a map of then
      this.ticked = performance.now();
      this.timer = setInterval(() => this.step(), STEP_MS);
      void this.readKept();
    }
    this.deps.mapClock.at = moment;
    this.show();
  }

  private step(): void {
    const now = performance.now();
    if (!this.isAiming) this.player.tick(now - this.ticked);
    this.ticked = now;
    if (this.isPlaying && now - this.alertsAt > ALERTS_MS) void this.readAlerts();
  }

  /** The hand at this wall goes before what others show. */
  private alone(): Player {
    this.player.replay = null;
    return this.player;
  }

  private draw(columns: AssetColumns, moment: number, isWhole: boolean): void {
    const { mapClock, stream, onJump } = this.deps;
    mapClock.at = moment;
    stream.feed(columns, moment, isWhole);
    void this.areas.go(moment);
    this.deps.onMoment(moment);
    if (!isWhole) return;
    if (columns.length === 0) this.problem = t("这一时刻没有任何对象的位置。");
    onJump();
    void this.readAlerts();
  }

  private moved(): void {
    if (!this.isPast || this.isAiming) return;
    this.deps.mapClock.at = this.player.moment;
    this.show();
  }

  private show(): void {
    this.flag.show(this.moment);
    this.bar.show(this.state());
  }

  private state(): Parameters<TimeBar["show"]>[0] {
    const { isPlaying, isSeeking, isWaiting, speed } = this.player;
    return { moment: this.moment, isPlaying, isLoading: isSeeking || isWaiting, speed, remark: this.remark() };
  }

  private remark(): string {
    if (this.problem !== "") return this.problem;
    const { cell_s, speed } = this.player;
    return cell_s > portion(speed).cell_s ? t("对象较多，每 {n} 秒取一个位置", { n: cell_s }) : "";
  }

  private failed(error: unknown, isWhole: boolean): void {
    if (isWhole) this.draw(noRows(), this.player.moment, true);
    if (error instanceof ApiError && error.isSignedOut) {
      this.deps.onSignedOut();
      return;
    }
    this.problem = error instanceof RefusedError ? error.detail : t("历史读取失败：{what}。", { what: happened(error) });
    this.deps.notices.note(this.problem);
  }

  private async readAlerts(): Promise<void> {
    const { moment } = this;
    if (moment === null) return;
    this.alertsAt = performance.now();
    this.readingAlerts.abort();
    const { signal } = (this.readingAlerts = new AbortController());
    try {
      const alerts = await this.source.alerts(moment, signal);
      if (!signal.aborted) this.deps.onAlerts(alerts);
    } catch (error) {
      if (!signal.aborted) this.deps.notices.note(t("当时的预警读取失败：{what}。", { what: happened(error) }));
    }
  }

  private async readKept(): Promise<void> {
    try {
      const { oldest } = await this.source.kept(AbortSignal.timeout(20_000));
      this.bar.keep(oldest);
    } catch (error) {
      if (error instanceof ApiError && error.isSignedOut) this.deps.onSignedOut();
      else this.deps.notices.note(t("历史范围读取失败：{what}，稍后会再试。", { what: happened(error) }));
    }
  }
}
