import type { Replay } from "../../director/protocol";
import type { AssetColumns } from "../../live/frames";
import { type Chunk, SPEEDS, type Speed, after, portion, slice } from "./rows";

/** Where the past is read. */
export interface Source {
  state(at: number, signal: AbortSignal): Promise<AssetColumns>;
  rows(from: number, to: number, cell_s: number, signal: AbortSignal): Promise<Chunk>;
}

/** What is done with it. */
export interface Sink {
  /** Shows rows; `isWhole`: in place of everything shown before. */
  show(columns: AssetColumns, moment: number, isWhole: boolean): void;
  /** The moment, or what the player is doing, has changed. */
  changed(): void;
  /** Something could not be read; `isWhole`: the picture itself, what is shown is not of the moment. */
  failed(error: unknown, isWhole: boolean): void;
  /** The present was reached. */
  arrived(): void;
}

/** Nearer to now than this there is nothing to play: reports are still on their way. */
const EDGE_MS = 3000;
/** The next portion is asked for when no more than this is left, seconds of playing. */
const AHEAD_S = 6;

/** The moment that walls show together at `now`, ms since 1970 UTC. */
export function replayed({ moment, since, speed, playing }: Replay, now: number): number {
  return playing ? moment + Math.max(0, now - since) * speed : moment;
}

/**
 * Plays the past: a moment, the rows read ahead of it, and how fast it goes. It has no clock and no timer of its own:
 * whoever uses it calls {@link tick}.
 */
export class Player {
  speed: Speed = 10;
  /** What other walls show, too: this one catches up with them; null: it plays alone. */
  replay: Replay | null = null;
  isPlaying = false;
  /** A whole picture is being read. */
  isSeeking = false;
  /** Playing, but the next rows are not here yet. */
  isWaiting = false;
  private at = 0;
  private chunks: Chunk[] = [];
  /** Rows of the first chunk that are shown. */
  private shown = 0;
  private reading: AbortController | null = null;
  private asked = false;

  /** @param now the server's time, ms */
  constructor(
    private readonly source: Source,
    private readonly sink: Sink,
    private readonly now: () => number,
  ) {}

  /** The moment that is shown, ms since 1970 UTC. */
  get moment(): number {
    return this.at;
  }

  /** The largest cells (seconds) by which what is read ahead was thinned; 0: it has every row. */
  get cell_s(): number {
    return Math.max(0, ...this.chunks.map(({ cell_s }) => cell_s));
  }

  /** Goes to a moment and shows the whole picture of it. */
  async seek(moment: number): Promise<void> {
    this.drop();
    const reading = (this.reading = new AbortController());
    this.at = Math.min(moment, this.now());
    this.isSeeking = true;
    this.sink.changed();
    try {
      const columns = await this.source.state(this.at, reading.signal);
      if (reading.signal.aborted) return;
      this.isSeeking = false;
      this.sink.show(columns, this.at, true);
    } catch (error) {
      if (reading.signal.aborted) return;
      this.isSeeking = false;
      this.isPlaying = false;
      this.sink.failed(error, true);
    }
    this.sink.changed();
    this.readAhead();
  }

  play(isPlaying: boolean): void {
    const hasStopped = this.isPlaying && !isPlaying;
    this.isPlaying = isPlaying;
    this.isWaiting = false;
    this.readAhead();
    this.sink.changed();
    // Fast play leaves out rows; who stops to look sees everything where it was.
    if (hasStopped && !this.isSeeking && portion(this.speed).cell_s > 0) void this.seek(this.at);
  }

  /** Other speeds want coarser or finer rows: what was read ahead is read anew. */
  hurry(speed: Speed): void {
    if (speed === this.speed || !SPEEDS.includes(speed)) return;
    this.speed = speed;
    if (!this.isSeeking) {
      this.drop();
      this.readAhead();
    }
    this.sink.changed();
  }

  /** Forgets everything, as the live picture is shown again. */
  stop(): void {
    this.drop();
    this.isPlaying = this.isSeeking = this.isWaiting = false;
  }

  /** Lets `elapsed` ms of now go by; with other walls, the time they share counts. */
  tick(elapsed: number): void {
    if (!this.isPlaying || this.isSeeking) return;
    const goal = this.replay === null ? this.at + elapsed * this.speed : replayed(this.replay, this.now());
    const until = Math.min(goal, this.known);
    const isWaiting = until <= this.at;
    this.at = Math.max(this.at, until);
    this.showUntil(this.at);
    if (this.at >= this.now() - EDGE_MS) {
      this.isPlaying = false;
      this.sink.arrived();
      return;
    }
    this.isWaiting = isWaiting;
    this.sink.changed();
    this.readAhead();
  }

  /** Up to which moment rows are here. */
  private get known(): number {
    return this.chunks.at(-1)?.to ?? this.at;
  }

  private showUntil(moment: number): void {
    while (this.chunks.length > 0) {
      const [{ columns, to }] = this.chunks;
      const next = after(columns, moment);
      if (next > this.shown) this.sink.show(slice(columns, this.shown, next), moment, false);
      this.shown = next;
      if (moment < to) return;
      this.chunks.shift();
      this.shown = 0;
    }
  }

  private readAhead(): void {
    if (!this.isPlaying || this.isSeeking || this.asked) return;
    const from = Math.max(this.known, this.at);
    if (from - this.at > AHEAD_S * 1000 * this.speed) return;
    const { span_ms, cell_s } = portion(this.speed);
    const to = Math.min(from + span_ms, this.now());
    if (to <= from) return;
    const reading = (this.reading ??= new AbortController());
    this.asked = true;
    this.source.rows(from, to, cell_s, reading.signal).then(
      (chunk) => {
        if (reading.signal.aborted) return;
        this.asked = false;
        this.chunks.push(chunk);
        this.readAhead();
      },
      (error: unknown) => {
        if (reading.signal.aborted) return;
        this.asked = false;
        this.isPlaying = this.isWaiting = false;
        this.sink.failed(error, false);
        this.sink.changed();
      },
    );
  }

  private drop(): void {
    this.reading?.abort();
    this.reading = null;
    this.asked = false;
    this.chunks = [];
    this.shown = 0;
  }
}
