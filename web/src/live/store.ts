import type { AssetColumns } from "./frames";

/** How a thing looks; the numbers 0–3 are the protocol's statuses, silence is judged here. */
export const LOOKS = ["idle", "working", "alert", "off", "silent"] as const;
export type Look = (typeof LOOKS)[number];
export const SILENT = LOOKS.indexOf("silent");

/** Numbers per icon: its anchor's shift (2), its frame in the atlas (x, y, width, height), 1 for "tinted by the colour". */
export const ICON_SIZE = 7;

/** A jump longer than this (degrees, about 1 km) is no movement to be drawn as one. */
const GLIDE_LIMIT_DEG = 0.01;

/** What the GPU is told about looks, as plain numbers. */
export interface Appearance {
  /** Red, green, blue, opacity for each of {@link LOOKS}: 4 × 5. */
  colours: Uint8ClampedArray;
  /** For each look without and with a known heading: 7 × 10. */
  icons: Float32Array;
}

/** An attribute as deck.gl takes it; the same object means "unchanged, send nothing". */
export interface Attribute {
  value: Float64Array | Float32Array | Uint8ClampedArray;
  size: number;
}

/** Attributes of `length` things, as a layer's `data`. */
export interface Columns {
  length: number;
  attributes: Record<string, Attribute>;
}

type Column = "positions" | "glides" | "looks";

/** Whether a status counts as silent after `age_s`: a thing switched off is expected to be quiet, an alert must stay one. */
function lookOf(status: number, age_s: number, silentAfter_s: number): number {
  if (status >= SILENT) return 0;
  const mayFallSilent = LOOKS[status] === "idle" || LOOKS[status] === "working";
  return mayFallSilent && age_s > silentAfter_s ? SILENT : status;
}

/**
 * Everything of one kind in columns that the GPU reads as they are. A thing has a slot; a new one takes the
 * next slot, a removed one is overwritten by the last. Arrays grow by doubling and are changed in place:
 * no object per thing, nothing rebuilt when something moves.
 */
export class KindStore {
  length = 0;
  ids = new Uint32Array(64);
  /** Longitude, latitude: degrees, as last reported. */
  positions = new Float64Array(128);
  /** Where it was drawn minus where it is (degrees, 2), and when the glide began (seconds on the glide clock). */
  glides = new Float32Array(192);
  colours = new Uint8ClampedArray(256);
  icons = new Float32Array(64 * ICON_SIZE);
  /** Degrees counter-clockwise. */
  angles = new Float32Array(64);
  looks = new Uint8Array(64);
  statuses = new Uint8Array(64);
  altitudes = new Float32Array(64);
  speeds = new Float32Array(64);
  headings = new Float32Array(64);
  times = new Float64Array(64);
  /** How many there are of each of {@link LOOKS}. */
  readonly counts = new Uint32Array(LOOKS.length);

  private readonly slots = new Map<number, number>();
  private readonly changed = new Set<Column>();
  private attributes: Record<string, Attribute> = {};

  constructor(
    readonly silentAfter_s: number,
    private appearance: Appearance,
  ) {}

  slotOf(id: number): number | undefined {
    return this.slots.get(id);
  }

  /**
   * Inserts or updates row `row`.
   *
   * @param now_ms the server's time, for silence
   * @param clock_s the glide clock
   * @param glide_s how long a glide lasts; 0: jump
   * @returns how far the thing is drawn from its new place, degrees (0: no glide)
   */
  put(columns: AssetColumns, row: number, now_ms: number, clock_s: number, glide_s: number): number {
    const id = columns.id[row];
    let slot = this.slots.get(id);
    const isNew = slot === undefined;
    if (slot === undefined) {
      slot = this.length++;
      if (slot === this.ids.length) this.grow();
      this.slots.set(id, slot);
      this.ids[slot] = id;
    } else {
      this.counts[this.looks[slot]]--;
    }
    const distance = this.move(slot, columns.lon[row], columns.lat[row], isNew ? 0 : glide_s, clock_s);
    this.statuses[slot] = columns.status[row];
    this.altitudes[slot] = columns.alt_m[row];
    this.speeds[slot] = columns.speed_m_s[row];
    this.times[slot] = columns.time_ms[row];
    const look = lookOf(columns.status[row], (now_ms - columns.time_ms[row]) / 1000, this.silentAfter_s);
    this.counts[look]++;
    const heading = columns.heading_deg[row];
    if (isNew || look !== this.looks[slot] || !Object.is(heading, this.headings[slot])) {
      this.headings[slot] = heading;
      this.looks[slot] = look;
      this.dress(slot);
    }
    return distance;
  }

  /** Removes a thing; false when it was not here. */
  remove(id: number): boolean {
    const slot = this.slots.get(id);
    if (slot === undefined) return false;
    this.counts[this.looks[slot]]--;
    this.slots.delete(id);
    const last = --this.length;
    if (slot !== last) this.copySlot(last, slot);
    this.changed.add("positions").add("glides").add("looks");
    return true;
  }

  clear(): void {
    this.length = 0;
    this.slots.clear();
    this.counts.fill(0);
    this.changed.add("positions").add("glides").add("looks");
  }

  /** Judges silence anew at the server's time `now_ms`; true when a look changed. */
  age(now_ms: number): boolean {
    let any = false;
    for (let slot = 0; slot < this.length; slot++) {
      const look = lookOf(this.statuses[slot], (now_ms - this.times[slot]) / 1000, this.silentAfter_s);
      if (look === this.looks[slot]) continue;
      this.counts[this.looks[slot]]--;
      this.counts[look]++;
      this.looks[slot] = look;
      this.dress(slot);
      any = true;
    }
    return any;
  }

  /** Moves the glide clock back by `shift_s`, so that single precision keeps enough of it on a wall that never closes. */
  rebase(shift_s: number): void {
    for (let slot = 0; slot < this.length; slot++) this.glides[slot * 3 + 2] -= shift_s;
    this.changed.add("glides");
  }

  /**
   * What deck.gl draws: views of the first `length` slots. Only attributes that changed since the last call
   * are new objects, and only those travel to the GPU, into buffers it already has.
   */
  binary(): Columns {
    const { length, attributes: before, changed } = this;
    const after = { ...before };
    if (changed.has("positions") || !before.getPosition) {
      after.getPosition = { value: this.positions.subarray(0, length * 2), size: 2 };
    }
    if (changed.has("glides") || !before.getGlide) {
      after.getGlide = { value: this.glides.subarray(0, length * 3), size: 3 };
    }
    if (changed.has("looks") || !before.getColor) {
      after.getColor = { value: this.colours.subarray(0, length * 4), size: 4 };
      after.getAngle = { value: this.angles.subarray(0, length), size: 1 };
      after.instanceIconDefs = { value: this.icons.subarray(0, length * ICON_SIZE), size: ICON_SIZE };
    }
    changed.clear();
    this.attributes = after;
    return { length, attributes: after };
  }

  /** The same attributes for the things in these slots alone, copied. */
  some(slots: ArrayLike<number>): Columns {
    const gather = <T extends Attribute["value"]>(from: T, size: number): Attribute => {
      const value = new (from.constructor as new (length: number) => T)(slots.length * size);
      for (let row = 0; row < slots.length; row++) {
        for (let k = 0; k < size; k++) value[row * size + k] = from[slots[row] * size + k];
      }
      return { value, size };
    };
    return {
      length: slots.length,
      attributes: {
        getPosition: gather(this.positions, 2),
        getGlide: gather(this.glides, 3),
        getColor: gather(this.colours, 4),
        getAngle: gather(this.angles, 1),
        instanceIconDefs: gather(this.icons, ICON_SIZE),
      },
    };
  }

  private move(slot: number, lon: number, lat: number, glide_s: number, clock_s: number): number {
    const { positions, glides } = this;
    const isHere = positions[slot * 2] === lon && positions[slot * 2 + 1] === lat;
    if (isHere && glide_s > 0) return 0;
    let dx = 0;
    let dy = 0;
    if (glide_s > 0) {
      const left = Math.min(1, Math.max(0, 1 - (clock_s - glides[slot * 3 + 2]) / glide_s));
      dx = positions[slot * 2] + glides[slot * 3] * left - lon;
      dy = positions[slot * 2 + 1] + glides[slot * 3 + 1] * left - lat;
      if (Math.abs(dx) > GLIDE_LIMIT_DEG || Math.abs(dy) > GLIDE_LIMIT_DEG) dx = dy = 0;
    }
    positions[slot * 2] = lon;
    positions[slot * 2 + 1] = lat;
    glides[slot * 3] = dx;
    glides[slot * 3 + 1] = dy;
    glides[slot * 3 + 2] = clock_s;
    this.changed.add("positions").add("glides");
    return Math.max(Math.abs(dx), Math.abs(dy));
  }

  private dress(slot: number): void {
    const look = this.looks[slot];
    const heading = this.headings[slot];
    const isTurned = !Number.isNaN(heading);
    const icon = (look * 2 + (isTurned ? 1 : 0)) * ICON_SIZE;
    this.colours.set(this.appearance.colours.subarray(look * 4, look * 4 + 4), slot * 4);
    this.icons.set(this.appearance.icons.subarray(icon, icon + ICON_SIZE), slot * ICON_SIZE);
    this.angles[slot] = isTurned ? -heading : 0;
    this.changed.add("looks");
  }

  private copySlot(from: number, to: number): void {
    this.ids[to] = this.ids[from];
    this.slots.set(this.ids[to], to);
    this.positions.copyWithin(to * 2, from * 2, from * 2 + 2);
    this.glides.copyWithin(to * 3, from * 3, from * 3 + 3);
    this.colours.copyWithin(to * 4, from * 4, from * 4 + 4);
    this.icons.copyWithin(to * ICON_SIZE, from * ICON_SIZE, (from + 1) * ICON_SIZE);
    for (const column of [
      this.angles, this.looks, this.statuses, this.altitudes, this.speeds, this.headings, this.times,
    ]) {
      column[to] = column[from];
    }
  }

  private grow(): void {
    this.ids = doubled(this.ids);
    this.positions = doubled(this.positions);
    this.glides = doubled(this.glides);
    this.colours = doubled(this.colours);
    this.icons = doubled(this.icons);
    this.angles = doubled(this.angles);
    this.looks = doubled(this.looks);
    this.statuses = doubled(this.statuses);
    this.altitudes = doubled(this.altitudes);
    this.speeds = doubled(this.speeds);
    this.headings = doubled(this.headings);
    this.times = doubled(this.times);
  }
}

type Numbers =
  | Uint8Array<ArrayBuffer>
  | Uint8ClampedArray<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | Float32Array<ArrayBuffer>
  | Float64Array<ArrayBuffer>;

function doubled<T extends Numbers>(array: T): T {
  const larger = new (array.constructor as new (length: number) => T)(array.length * 2);
  larger.set(array as never);
  return larger;
}
