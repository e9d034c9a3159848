import { ApiError } from "../../api";
import type { RecordingsApi, Segment, SegmentIndex } from "./api";
import type { Playing, ReelListener } from "./playing";

const DAY_MS = 86_400_000;
/** The element's time counts from so long before the first moment that was asked for: back and forth, there is room. */
const BEFORE_MS = 400 * DAY_MS;
const LOOK_AHEAD_MS = 30 * DAY_MS;
const AHEAD_S = 15;
const BEHIND_S = 30;
const PIECE_S = 6;
const PIECE_BYTES = 8 << 20;
const AGAIN_MS = 1500;
/** A hole smaller than this is played over by the browser itself. */
const EDGE_S = 0.15;

/** Plays a channel's recordings: pieces of segments, fetched as they are needed and put together by the browser. */
export class Reel implements Playing {
  private readonly source = new MediaSource();
  private readonly address = URL.createObjectURL(this.source);
  private readonly opened: Promise<void>;
  private buffer: SourceBuffer | null = null;
  private codecs = "";
  private origin: number;
  private asked: number;
  private segments: Segment[] = [];
  private index: SegmentIndex | null = null;
  private key = 0;
  private isNew = true;
  private turn = 0;
  private isBusy = false;
  private waitUntil = 0;
  private isOver = false;
  private isClosed = false;

  constructor(
    private readonly api: RecordingsApi,
    private readonly channel: number,
    private readonly video: HTMLVideoElement,
    private readonly listener: ReelListener,
    at: number,
  ) {
    this.origin = at - BEFORE_MS;
    this.asked = at;
    this.opened = new Promise((resolve) => this.source.addEventListener("sourceopen", () => resolve(), { once: true }));
    video.src = this.address;
  }

  /** The moment that is shown; while nothing is, the one that was asked for. */
  get at(): number {
    const { currentTime } = this.video;
    return currentTime === 0 ? this.asked : this.origin + currentTime * 1000;
  }

  get isPaused(): boolean {
    return this.video.paused;
  }

  get isShown(): boolean {
    return this.video.readyState >= 2;
  }

  pause(isPaused: boolean): void {
    if (isPaused) this.video.pause();
    else void this.video.play().catch(() => undefined);
  }

  speed(times: number): void {
    this.video.playbackRate = times;
  }

  /** Plays from a moment; where nothing was recorded then, from the next recording on. */
  async seek(at: number): Promise<void> {
    const turn = ++this.turn;
    this.asked = at;
    this.isOver = false;
    this.waitUntil = 0;
    const time = (at - this.origin) / 1000;
    if (this.reach(time) > 0.5) {
      this.video.currentTime = time;
      return;
    }
    await this.opened;
    const segments = await this.api.segments(this.channel, at, at + LOOK_AHEAD_MS);
    if (turn !== this.turn || this.isClosed) return;
    this.segments = segments;
    await this.clear();
    if (turn !== this.turn || this.isClosed) return;
    const [first] = segments;
    if (first === undefined) {
      this.isOver = true;
      this.listener.onEnd();
      return;
    }
    const from = Math.max(at, first.from);
    this.video.currentTime = (from - this.origin) / 1000 + (from === first.from ? 0.001 : 0);
    await this.take(first, from);
  }

  /** Called several times a second: fetches what will be needed, and leaps over what was not recorded. */
  tick(): void {
    if (this.isClosed) return;
    this.leap();
    if (!this.isBusy && !this.isOver && this.segments.length > 0 && Date.now() >= this.waitUntil) void this.feed();
  }

  close(): void {
    this.isClosed = true;
    this.turn++;
    this.video.removeAttribute("src");
    this.video.load();
    URL.revokeObjectURL(this.address);
  }

  /** How many seconds from a time on are there to be played. */
  private reach(time: number): number {
    const { buffered } = this.video;
    for (let i = 0; i < buffered.length; i++) {
      if (buffered.start(i) <= time + EDGE_S && time < buffered.end(i)) return buffered.end(i) - time;
    }
    return 0;
  }

  private leap(): void {
    const { video } = this;
    const { buffered } = video;
    if (video.seeking || this.reach(video.currentTime) > EDGE_S) return;
    for (let i = 0; i < buffered.length; i++) {
      if (buffered.start(i) > video.currentTime) {
        video.currentTime = buffered.start(i) + 0.001;
        return;
      }
    }
  }

  private async take(segment: Segment, from: number): Promise<void> {
    const turn = this.turn;
    const index = await this.api.index(segment.id);
    if (turn !== this.turn) return;
    this.index = index;
    this.isNew = true;
    const seconds = (from - segment.from) / 1000;
    this.key = Math.max(0, index.keys.findLastIndex(([time]) => time <= seconds));
    this.listener.onSegment(segment);
  }

  private async feed(): Promise<void> {
    const { turn, video } = this;
    if (this.reach(video.currentTime) > AHEAD_S * Math.max(1, video.playbackRate)) return;
    this.isBusy = true;
    try {
      await this.append(turn);
    } catch (error) {
      this.waitUntil = Date.now() + 2 * AGAIN_MS;
      if (turn === this.turn && !this.isClosed) {
        // What was deleted while somebody looked at it is passed over.
        if (error instanceof ApiError && error.status === 404) await this.next(turn).catch(() => undefined);
        else this.listener.onProblem(error);
      }
    } finally {
      this.isBusy = false;
    }
  }

  private async append(turn: number): Promise<void> {
    const [segment] = this.segments;
    const { index } = this;
    if (segment === undefined || index === null) return;
    if (this.key >= index.keys.length) {
      await this.goOn(turn, segment, index);
      return;
    }
    const mime = `video/mp4; codecs="${segment.codecs}"`;
    if (!MediaSource.isTypeSupported(mime)) {
      this.isOver = true;
      this.listener.onUnplayable(segment.codecs);
      return;
    }
    const last = this.pieceEnd(index);
    const [, begin] = index.keys[this.key];
    const [, end] = index.keys[last] ?? [0, index.end];
    const head = this.isNew ? await this.fetch(index.href, 0, index.header) : null;
    const body = await this.fetch(index.href, begin, end);
    if (turn !== this.turn) return;
    this.prepare(mime, segment);
    if (head !== null) await this.push(head);
    await this.push(body);
    this.isNew = false;
    if (turn === this.turn) this.key = last;
    await this.forget();
  }

  /** Number of the key frame before which a piece ends: some seconds on, and not too many bytes. */
  private pieceEnd(index: SegmentIndex): number {
    const [time, offset] = index.keys[this.key];
    let last = this.key + 1;
    while (last < index.keys.length && index.keys[last][0] - time < PIECE_S && index.keys[last][1] - offset < PIECE_BYTES) last++;
    return last;
  }

  /** The segment is at its end: it has grown, or the next one follows. */
  private async goOn(turn: number, segment: Segment, index: SegmentIndex): Promise<void> {
    if (!index.writing) {
      await this.next(turn);
      return;
    }
    const grown = await this.api.index(segment.id);
    if (turn !== this.turn) return;
    this.index = grown;
    if (grown.keys.length <= index.keys.length) this.waitUntil = Date.now() + AGAIN_MS;
  }

  private async next(turn: number): Promise<void> {
    const [over, ...rest] = this.segments;
    let following = rest;
    if (following.length === 0) {
      const after = over.from + 1;
      const found = await this.api.segments(this.channel, after, after + LOOK_AHEAD_MS);
      following = found.filter(({ from }) => from > over.from);
    }
    if (turn !== this.turn) return;
    if (following.length === 0) {
      this.waitUntil = Date.now() + 2 * AGAIN_MS;
      if (this.reach(this.video.currentTime) < 0.5) this.listener.onEnd();
      return;
    }
    this.segments = following;
    await this.take(following[0], following[0].from);
  }

  private prepare(mime: string, segment: Segment): void {
    if (this.buffer === null) {
      this.buffer = this.source.addSourceBuffer(mime);
      this.source.duration = (2 * BEFORE_MS) / 1000;
    } else if (this.codecs !== segment.codecs) this.buffer.changeType(mime);
    this.codecs = segment.codecs;
    this.buffer.timestampOffset = (segment.from - this.origin) / 1000;
  }

  private push(data: ArrayBuffer): Promise<void> {
    return this.change((buffer) => buffer.appendBuffer(data));
  }

  private async clear(): Promise<void> {
    this.index = null;
    if (this.buffer === null) return;
    if (this.buffer.updating) await new Promise((done) => this.buffer?.addEventListener("updateend", done, { once: true }));
    this.buffer.abort();
    this.isNew = true;
    await this.change((buffer) => buffer.remove(0, Infinity));
  }

  private async forget(): Promise<void> {
    const { buffered, currentTime } = this.video;
    if (buffered.length > 0 && buffered.start(0) < currentTime - 2 * BEHIND_S) {
      await this.change((buffer) => buffer.remove(0, currentTime - BEHIND_S));
    }
  }

  private change(what: (buffer: SourceBuffer) => void): Promise<void> {
    const { buffer } = this;
    if (buffer === null || this.isClosed || this.source.readyState !== "open") return Promise.resolve();
    return new Promise((resolve, reject) => {
      buffer.addEventListener("updateend", () => resolve(), { once: true });
      try {
        what(buffer);
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    });
  }

  private async fetch(href: string, begin: number, end: number): Promise<ArrayBuffer> {
    const pieces: ArrayBuffer[] = [];
    let at = begin;
    while (at < end) {
      const answer = await fetch(href, { headers: { Range: `bytes=${at}-${end - 1}` } }).catch((error: unknown) => {
        throw new ApiError(0, error);
      });
      if (!answer.ok) throw new ApiError(answer.status);
      const piece = await answer.arrayBuffer();
      if (piece.byteLength === 0) break;
      pieces.push(piece);
      at += piece.byteLength;
    }
    return pieces.length === 1 ? pieces[0] : new Blob(pieces).arrayBuffer();
  }
}
