import type { Past } from "./api";
import { type Box, Window } from "./window";

/** Keeps the annotations on the map those of the moment shown: asks again only where one changed, or the view moved on. */
export class PastAnnotations {
  private wanted: number | null = null;
  /** From when until when what is shown is right. */
  private right: { from: number; to: number } | null = null;
  private readonly window = new Window();
  private isAsking = false;

  /**
   * @param view what the map shows
   * @param ask what was there at a moment, in a part of the map
   * @param show null: what is there now
   * @param failed what is shown stays
   */
  constructor(
    private readonly view: () => Box,
    private readonly ask: (at: number, box: Box) => Promise<Past>,
    private readonly show: (past: Past | null) => void,
    private readonly failed: (error: unknown) => void,
  ) {}

  /** Another moment is shown; null: the present. */
  go(moment: number | null): void {
    const wasPast = this.wanted !== null;
    this.wanted = moment;
    if (moment === null) {
      this.right = null;
      if (wasPast) this.show(null);
    } else if (!this.isAsking) void this.read();
  }

  /** The map shows another part. */
  moved(): void {
    if (this.wanted !== null && !this.isAsking) void this.read();
  }

  private async read(): Promise<void> {
    this.isAsking = true;
    try {
      // The moment, or the view, may have moved on while the answer was on its way.
      for (let box = this.lacks(); this.wanted !== null && box !== null; box = this.lacks()) {
        const at = this.wanted;
        const past = await this.ask(at, box);
        if (this.wanted === null) break;
        this.right = { from: Math.min(past.since ?? 0, at), to: Math.max(past.until, at) };
        this.window.holds(box, !past.truncated);
        this.show(past);
      }
    } catch (error) {
      this.failed(error);
    } finally {
      this.isAsking = false;
    }
  }

  /** What is to be read for the moment and the view; null: nothing. */
  private lacks(): Box | null {
    const { right, wanted } = this;
    if (right === null || wanted === null || wanted < right.from || wanted > right.to) this.window.forget();
    return this.window.wanted(this.view());
  }
}
