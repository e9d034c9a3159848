import type { Annotation, Stroke } from "./records";

/** A stroke that says nothing for so long is not shown any more: whoever drew it is gone. */
export const STROKE_MS = 15_000;

/** What belongs on the map: annotations of now or of a moment, and what hands are drawing just now. */
export class Store {
  private live = new Map<number, Annotation>();
  private sorted: readonly Annotation[] | null = null;
  private past: readonly Annotation[] | null = null;
  /** What became known while a reading was on its way; null: it is gone. */
  private meanwhile = new Map<number, Annotation | null>();
  private readonly heard = new Map<number, { stroke: Stroke; at: number }>();

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Those that belong on the map, the last changed first; the same array until one changes. */
  get shown(): readonly Annotation[] {
    const newer = (a: Annotation, b: Annotation): number => (a.changed_at === b.changed_at ? b.id - a.id : (b.changed_at ?? "") < (a.changed_at ?? "") ? -1 : 1);
    return this.past ?? (this.sorted ??= [...this.live.values()].sort(newer));
  }

  /** Whether what is shown is of a moment of the past. */
  get isPast(): boolean {
    return this.past !== null;
  }

  /** Strokes of others. A map of the past shows none. */
  get strokes(): Stroke[] {
    const { past } = this;
    return past !== null ? [] : [...this.heard.values()].filter(({ at }) => this.now() - at < STROKE_MS).map(({ stroke }) => stroke);
  }

  find(id: number): Annotation | undefined {
    return this.past === null ? this.live.get(id) : this.past.find((each) => each.id === id);
  }

  /** What there is now is being read. */
  reading(): void {
    this.meanwhile.clear();
  }

  /** What was read, and what was told since the reading began. */
  replace(annotations: readonly Annotation[]): void {
    this.live = new Map(annotations.map((each) => [each.id, each]));
    this.sorted = null;
    for (const [id, annotation] of [...this.meanwhile]) {
      if (annotation === null) this.live.delete(id);
      else this.put(annotation);
    }
  }

  /** One as it is now; an older version than the one here is left out. */
  put(annotation: Annotation): void {
    const here = this.live.get(annotation.id);
    if (here !== undefined && here.version > annotation.version) return;
    this.live.set(annotation.id, annotation);
    this.meanwhile.set(annotation.id, annotation);
    this.sorted = null;
  }

  drop(id: number): void {
    this.live.delete(id);
    this.meanwhile.set(id, null);
    this.sorted = null;
  }

  /** What was there at a moment; null: the present is shown. */
  travel(annotations: readonly Annotation[] | null): void {
    this.past = annotations;
  }

  draws(stroke: Stroke): void {
    if (stroke.points.length === 0) this.heard.delete(stroke.id);
    else this.heard.set(stroke.id, { stroke, at: this.now() });
  }

  /** The strokes there are, at the beginning of a connection. */
  drawing(strokes: readonly Stroke[]): void {
    this.heard.clear();
    for (const stroke of strokes) this.draws(stroke);
  }

  /** Forgets strokes that went silent; whether there were any. */
  sweep(): boolean {
    const before = this.heard.size;
    for (const [id, { at }] of this.heard) if (this.now() - at >= STROKE_MS) this.heard.delete(id);
    return this.heard.size < before;
  }
}
