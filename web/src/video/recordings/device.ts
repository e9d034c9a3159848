import { askServer } from "../../ask";
import { VideoApi } from "../api";
import { Viewing } from "../viewing";
import type { Playing, ReelListener } from "./playing";

const DAY_MS = 86_400_000;
/** A device is asked day by day, of so many days at once, and about the present day again after so long. */
const MOST_DAYS = 3;
const FRESH_MS = 60_000;
/** Pieces with less between them are played as one: recorders begin a new one every hour or so. */
const JOINED_MS = 2000;
const LONGEST_MS = DAY_MS - 1000;
const POLL_MS = 1000;

export type Span = [from: number, to: number];

interface Piece {
  begins: string;
  ends: string;
}

/** How a playback is; `at` in RFC 3339. */
interface PlaybackState {
  key: number;
  state: "waiting" | "playing" | "paused" | "ended" | "closed";
  at: string;
  speed: number;
}

/** A recording on its way from a device into a file. */
export interface Download {
  key: string;
  state: "loading" | "done" | "failed";
  why: string;
  seconds: number;
  length_s: number;
  size: number;
}

/** Pieces in their order, those put together that follow each other. */
export function joined(spans: readonly Span[]): Span[] {
  const found: Span[] = [];
  for (const [from, to] of [...spans].sort(([a], [b]) => a - b)) {
    const last = found.at(-1);
    if (last !== undefined && from - last[1] <= JOINED_MS) last[1] = Math.max(last[1], to);
    else found.push([from, to]);
  }
  return found;
}

/** What a device has recorded itself: asked of it through the platform, a day at a time, and remembered. */
export class DevicePast {
  private readonly days = new Map<string, { spans: Span[]; readAt: number }>();

  constructor(
    private readonly base: string,
    private readonly csrf: string,
    /** The city's clock, ms. */
    private readonly now: () => number,
  ) {}

  /** Stretches between two moments, of the first days only where there are many. A device may take a minute to answer. */
  async stretches(channel: number, from: number, to: number): Promise<Span[]> {
    const found: Span[] = [];
    const end = Math.min(to, this.now());
    let day = Math.floor(from / DAY_MS) * DAY_MS;
    for (let i = 0; i < MOST_DAYS && day < end; i++, day += DAY_MS) found.push(...(await this.day(channel, day)));
    return joined(found).filter(([begins, ends]) => ends > from && begins < to);
  }

  play(channel: number, begins: number, ends: number): Promise<PlaybackState> {
    return this.ask("POST", `/channels/${channel}/playbacks`, piece(begins, ends));
  }

  state(key: number): Promise<PlaybackState> {
    return this.ask("GET", `/playbacks/${key}`);
  }

  order(key: number, action: "pause" | "resume" | "speed" | "seek", value = 0): Promise<PlaybackState> {
    return this.ask("POST", `/playbacks/${key}`, { action, value });
  }

  download(channel: number, begins: number, ends: number): Promise<Download> {
    return this.ask("POST", `/channels/${channel}/downloads`, piece(begins, ends));
  }

  downloadState(key: string): Promise<Download> {
    return this.ask("GET", `/downloads/${key}`);
  }

  file(key: string): string {
    return `${this.base}/downloads/${key}/video.mp4`;
  }

  /** Somebody watches the playback on this element. */
  view(channel: number, key: number, video: HTMLVideoElement, onChange: () => void): Viewing {
    return new Viewing(new VideoApi(this.base, this.csrf), channel, video, onChange, key);
  }

  private async day(channel: number, day: number): Promise<Span[]> {
    const name = `${channel}/${day}`;
    const known = this.days.get(name);
    const isOver = day + DAY_MS < this.now() - FRESH_MS;
    if (known !== undefined && (isOver ? known.readAt > day + DAY_MS : this.now() - known.readAt < FRESH_MS)) return known.spans;
    const query = new URLSearchParams({ begins: iso(day), ends: iso(day + DAY_MS) });
    const told = await this.ask<{ recordings: Piece[] }>("GET", `/channels/${channel}/recordings?${query}`);
    const spans = told.recordings.map(({ begins, ends }): Span => [Date.parse(begins), Date.parse(ends)]);
    this.days.set(name, { spans, readAt: this.now() });
    return spans;
  }

  private ask<T>(method: string, address: string, body?: object): Promise<T> {
    return askServer(this.csrf, method, this.base + address, body);
  }
}

/** Plays what a device has recorded: the device sends it, and does as it is told. */
export class DeviceReel implements Playing {
  isPaused = false;
  private key: number | null = null;
  private span: Span = [0, 0];
  private viewing: Viewing | null = null;
  private moment: number;
  private heardAt = 0;
  private times = 1;
  /** The speed that somebody asked for. */
  private wanted = 1;
  private turn = 0;
  private isBusy = false;
  private isOver = false;

  constructor(
    private readonly past: DevicePast,
    private readonly channel: number,
    private readonly video: HTMLVideoElement,
    private readonly listener: ReelListener,
    at: number,
  ) {
    this.moment = at;
    video.autoplay = true;
    video.playbackRate = 1;
  }

  get at(): number {
    const since = this.isPaused || this.isOver || this.heardAt === 0 ? 0 : performance.now() - this.heardAt;
    return this.moment + since * this.times;
  }

  get isShown(): boolean {
    return this.video.readyState >= 2;
  }

  async seek(at: number): Promise<void> {
    const turn = ++this.turn;
    this.isOver = false;
    if (this.key !== null && at >= this.span[0] && at < this.span[1] - 1000) {
      this.hear(await this.past.order(this.key, "seek", (at - this.span[0]) / 1000), turn);
      this.isPaused = false;
      return;
    }
    const stretches = await this.past.stretches(this.channel, at, at + MOST_DAYS * DAY_MS);
    const next = stretches.find(([, to]) => to > at + 1000);
    if (turn !== this.turn) return;
    this.leave();
    if (next === undefined) {
      this.isOver = true;
      this.listener.onEnd();
      return;
    }
    // Devices count whole seconds.
    const from = Math.floor(Math.max(at, next[0]) / 1000) * 1000;
    const to = Math.min(next[1], from + LONGEST_MS);
    this.moment = from;
    const told = await this.past.play(this.channel, from, to);
    if (turn !== this.turn) return;
    this.span = [from, to];
    this.key = told.key;
    this.isPaused = false;
    this.viewing = this.past.view(this.channel, told.key, this.video, () => this.looked());
    this.video.muted = true;
  }

  pause(isPaused: boolean): void {
    this.isPaused = isPaused;
    this.say(isPaused ? "pause" : "resume");
  }

  speed(times: number): void {
    this.wanted = times;
    if (times !== this.times) this.say("speed", times);
  }

  tick(): void {
    if (this.key === null || this.isBusy || this.isOver || performance.now() - this.heardAt < POLL_MS) return;
    const { turn, key } = this;
    this.isBusy = true;
    void this.past
      .state(key)
      .then((told) => this.hear(told, turn))
      .catch(() => undefined) // the picture says it, too
      .finally(() => (this.isBusy = false));
  }

  close(): void {
    this.turn++;
    this.leave();
  }

  private say(action: "pause" | "resume" | "speed", value = 0): void {
    if (this.key === null) return;
    const { turn } = this;
    this.past.order(this.key, action, value).then((told) => this.hear(told, turn)).catch((error: unknown) => {
      this.wanted = this.times; // not asked again
      this.listener.onProblem(error);
    });
  }

  private hear({ at, state, speed }: PlaybackState, turn: number): void {
    if (turn !== this.turn) return;
    this.heardAt = state === "waiting" ? 0 : performance.now();
    this.moment = Date.parse(at);
    this.times = speed;
    this.isPaused = state === "paused";
    if (state === "playing" && speed !== this.wanted) this.say("speed", this.wanted);
    if (state === "ended") {
      const [, to] = this.span;
      this.isOver = true;
      this.seek(to + JOINED_MS).catch((error: unknown) => this.listener.onProblem(error));
    }
  }

  private looked(): void {
    const phase = this.viewing?.phase;
    if (phase === "codec") this.listener.onUnplayable("H.265");
    else if (phase === "refused" && this.viewing !== null) this.listener.onProblem(this.viewing.said);
  }

  private leave(): void {
    this.viewing?.stop();
    this.viewing = null;
    this.key = null;
    this.heardAt = 0;
  }
}

function piece(begins: number, ends: number): Piece {
  return { begins: iso(begins), ends: iso(ends) };
}

const iso = (at: number): string => new Date(at).toISOString();
