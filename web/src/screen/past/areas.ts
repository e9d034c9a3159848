import type { AreaSpan } from "./source";

/** Keeps the areas on the map those of the moment shown: asks again only where one changed in between. */
export class PastAreas {
  /** From when until when what is drawn is right; null: the present is drawn. */
  private right: { from: number; to: number } | null = null;
  private drawn: number | null = null;
  private wanted = 0;
  private asking: AbortController | null = null;

  /**
   * @param ask around a moment, since when and until when no area changed
   * @param show draws the areas of a moment; null: of the present
   * @param failed the areas stay as they are drawn
   */
  constructor(
    private readonly ask: (at: number, signal: AbortSignal) => Promise<AreaSpan>,
    private readonly show: (at: number | null) => void,
    private readonly failed: (error: unknown) => void,
  ) {}

  /** Another moment is shown. */
  async go(moment: number): Promise<void> {
    this.wanted = moment;
    if (this.asking !== null) return;
    const { signal } = (this.asking = new AbortController());
    try {
      // The moment may have moved on while the answer was on its way.
      while (!this.isRight(this.wanted)) {
        const at = this.wanted;
        const { since, until } = await this.ask(at, signal);
        if (signal.aborted) return;
        this.right = { from: Math.min(since ?? 0, at), to: Math.max(until, at) };
        // Named by its beginning, the picture has one address all that time, and comes from the browser's cache.
        this.draw(since ?? 0);
      }
    } catch (error) {
      if (!signal.aborted) this.failed(error);
    } finally {
      if (!signal.aborted) this.asking = null;
    }
  }

  /** Back to the areas of now. */
  present(): void {
    this.asking?.abort();
    this.asking = null;
    this.right = null;
    this.draw(null);
  }

  private isRight(moment: number): boolean {
    return this.right !== null && moment >= this.right.from && moment <= this.right.to;
  }

  private draw(at: number | null): void {
    if (this.drawn === at) return;
    this.drawn = at;
    this.show(at);
  }
}
