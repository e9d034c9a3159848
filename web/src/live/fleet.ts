import type { AssetColumns } from "./frames";
import type { Kind } from "./messages";
import { type Appearance, KindStore, LOOKS } from "./store";

/** How long a thing glides to where it was reported, seconds. */
export const GLIDE_S = 1;
/** The glide clock starts anew after this many seconds. */
const REBASE_S = 600;

/** What is known of one thing, made on demand for the one that is looked at. */
export interface Sighting {
  id: number;
  kind: number;
  lon: number;
  lat: number;
  /** Metres; NaN unknown. */
  alt_m: number;
  speed_m_s: number;
  heading_deg: number;
  status: number;
  look: (typeof LOOKS)[number];
  /** Milliseconds since 1970 UTC. */
  time_ms: number;
}

/** All moving things this page may see, a {@link KindStore} per kind. */
export class Fleet {
  readonly stores = new Map<number, KindStore>();
  /** False when the reader asked for less motion: things then jump. */
  glides = true;
  private epoch: number;
  private glideEnd = 0;
  private longestGlide = 0;

  /** @param monotonic a clock in ms that never jumps. */
  constructor(private readonly monotonic: () => number) {
    this.epoch = monotonic();
  }

  /** Takes the kinds from the server's greeting and forgets all things. */
  declare(kinds: readonly Kind[], appearanceOf: (kind: Kind) => Appearance): void {
    this.stores.clear();
    for (const kind of kinds) this.stores.set(kind.code, new KindStore(kind.silent_after_s, appearanceOf(kind)));
    this.glideEnd = 0;
  }

  /** The glide clock, seconds. */
  clock(): number {
    return (this.monotonic() - this.epoch) / 1000;
  }

  /** Longest glide under way, degrees; 0 when nothing glides. */
  gliding(): number {
    return this.clock() < this.glideEnd ? this.longestGlide : 0;
  }

  /**
   * Applies a frame. Rows of a kind that was not declared are skipped: the greeting is the only source of kinds.
   *
   * @returns whether things came or went; slots then are no longer what they were
   */
  apply(columns: AssetColumns, now_ms: number): boolean {
    const before = this.count();
    let hasLeft = false;
    const clock = this.clock();
    const glide = this.glides ? GLIDE_S : 0;
    let longest = 0;
    for (let row = 0; row < columns.length; row++) {
      if (columns.left[row]) {
        this.remove(columns.id[row]);
        hasLeft = true;
        continue;
      }
      const store = this.stores.get(columns.kind[row]);
      if (store === undefined) continue;
      const distance = store.put(columns, row, now_ms, clock, glide);
      if (distance > longest) longest = distance;
    }
    if (longest > 0) {
      this.longestGlide = clock < this.glideEnd ? Math.max(longest, this.longestGlide) : longest;
      this.glideEnd = clock + GLIDE_S;
    }
    return hasLeft || this.count() !== before;
  }

  clear(): void {
    for (const store of this.stores.values()) store.clear();
    this.glideEnd = 0;
  }

  /** To be called once a second with the server's time; true when something fell silent or spoke again. */
  age(now_ms: number): boolean {
    const clock = this.clock();
    if (clock > REBASE_S) {
      for (const store of this.stores.values()) store.rebase(clock);
      this.epoch = this.monotonic();
      this.glideEnd -= clock;
    }
    let any = false;
    for (const store of this.stores.values()) any = store.age(now_ms) || any;
    return any;
  }

  count(): number {
    let sum = 0;
    for (const store of this.stores.values()) sum += store.length;
    return sum;
  }

  find(id: number): Sighting | null {
    for (const [kind, store] of this.stores) {
      const slot = store.slotOf(id);
      if (slot === undefined) continue;
      return {
        id,
        kind,
        lon: store.positions[slot * 2],
        lat: store.positions[slot * 2 + 1],
        alt_m: store.altitudes[slot],
        speed_m_s: store.speeds[slot],
        heading_deg: store.headings[slot],
        status: store.statuses[slot],
        look: LOOKS[store.looks[slot]],
        time_ms: store.times[slot],
      };
    }
    return null;
  }

  /** Where a thing is drawn at this moment, degrees, on its way to where it was reported; null: it is not there. */
  drawnAt(id: number): [lon: number, lat: number] | null {
    for (const store of this.stores.values()) {
      const slot = store.slotOf(id);
      if (slot === undefined) continue;
      const { positions, glides } = store;
      const left = Math.min(1, Math.max(0, 1 - (this.clock() - glides[slot * 3 + 2]) / GLIDE_S));
      return [positions[slot * 2] + glides[slot * 3] * left, positions[slot * 2 + 1] + glides[slot * 3 + 1] * left];
    }
    return null;
  }

  private remove(id: number): void {
    for (const store of this.stores.values()) if (store.remove(id)) return;
  }
}
