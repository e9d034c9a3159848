import type { AssetColumns } from "./frames";
import type { KindStore } from "./store";

/** How long a trail is, seconds. */
export const TRAIL_S = 300;
/** Pieces of trails that are kept, of all things together; the oldest make room. */
const MOST_PIECES = 60_000;
/** A new piece begins at most this often for one thing… */
const STEP_MS = 4000;
/** …and only when it has moved so far, degrees (about 3 m). */
const STEP_DEG = 0.000_03;
/** Nobody knows the way of a thing that was not heard of for so long, or that is so far away, degrees (about 3 km). */
const GAP_MS = 60_000;
const JUMP_DEG = 0.03;

interface Last {
  lon: number;
  lat: number;
  time_ms: number;
}

/** Pieces as deck.gl takes them: one line from a place to the next, with the time of its end. */
export interface TrailColumns {
  length: number;
  from: Float64Array;
  to: Float64Array;
  /** Seconds since {@link Trails.epoch_ms}. */
  times: Float32Array;
  /** Red, green, blue, opacity. */
  colours: Uint8ClampedArray;
}

/**
 * Where things have just been, from the live frames: a ring of pieces in columns that the GPU reads as they are. A piece
 * fades on the GPU, so a trail costs work only when a thing has moved on.
 */
export class Trails {
  /** Times are counted from here, so that single precision holds them. */
  epoch_ms: number;
  private from = new Float64Array(0);
  private to = new Float64Array(0);
  private times = new Float32Array(0);
  private colours = new Uint8ClampedArray(0);
  private readonly last = new Map<number, Last>();
  private next = 0;
  private columns: TrailColumns | null = null;
  private length = 0;

  constructor(
    now_ms: number,
    private readonly most = MOST_PIECES,
  ) {
    this.epoch_ms = now_ms;
  }

  /** Takes in a frame. `storeOf`: the store of a kind whose things leave trails; undefined for the others. */
  take(columns: AssetColumns, storeOf: (kind: number) => KindStore | undefined): void {
    for (let row = 0; row < columns.length; row++) {
      const id = columns.id[row];
      const store = columns.left[row] ? undefined : storeOf(columns.kind[row]);
      if (store === undefined) {
        this.last.delete(id);
        continue;
      }
      const last = this.last.get(id);
      const lon = columns.lon[row];
      const lat = columns.lat[row];
      const time_ms = columns.time_ms[row];
      if (last === undefined) {
        this.last.set(id, { lon, lat, time_ms });
        continue;
      }
      const passed = time_ms - last.time_ms;
      const way = Math.max(Math.abs(lon - last.lon), Math.abs(lat - last.lat));
      if (passed < STEP_MS || way < STEP_DEG) continue;
      if (passed <= GAP_MS && way <= JUMP_DEG) this.add(last, lon, lat, time_ms, store, store.slotOf(id) ?? 0);
      last.lon = lon;
      last.lat = lat;
      last.time_ms = time_ms;
    }
  }

  /** Goes on elsewhere: the next report of a thing begins its trail anew. */
  lift(): void {
    this.last.clear();
  }

  clear(now_ms: number): void {
    this.last.clear();
    this.length = this.next = 0;
    this.columns = null;
    this.epoch_ms = now_ms;
    // Memory is given back when nobody wants trails.
    this.from = new Float64Array(0);
    this.to = new Float64Array(0);
    this.times = new Float32Array(0);
    this.colours = new Uint8ClampedArray(0);
  }

  /** What is drawn: the same object until there is a new piece. */
  pieces(): TrailColumns {
    const { length } = this;
    this.columns ??= {
      length,
      from: this.from.subarray(0, length * 2),
      to: this.to.subarray(0, length * 2),
      times: this.times.subarray(0, length),
      colours: this.colours.subarray(0, length * 4),
    };
    return this.columns;
  }

  private add(last: Last, lon: number, lat: number, time_ms: number, store: KindStore, slot: number): void {
    if (this.next === this.times.length && this.times.length < this.most) this.grow();
    const at = this.next;
    this.from[at * 2] = last.lon;
    this.from[at * 2 + 1] = last.lat;
    this.to[at * 2] = lon;
    this.to[at * 2 + 1] = lat;
    this.times[at] = (time_ms - this.epoch_ms) / 1000;
    this.colours.set(store.colours.subarray(slot * 4, slot * 4 + 4), at * 4);
    this.next = at + 1 === this.most ? 0 : at + 1;
    this.length = Math.max(this.length, at + 1);
    this.columns = null;
  }

  private grow(): void {
    const room = Math.min(this.most, Math.max(1024, this.times.length * 2));
    const grown = <T extends Float64Array | Float32Array | Uint8ClampedArray>(array: T, size: number): T => {
      const larger = new (array.constructor as new (length: number) => T)(room * size);
      larger.set(array as never);
      return larger;
    };
    this.from = grown(this.from, 2);
    this.to = grown(this.to, 2);
    this.times = grown(this.times, 1);
    this.colours = grown(this.colours, 4);
  }
}
