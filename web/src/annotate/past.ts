import type { Past } from "./api";
import type { Annotation } from "./records";

/** Keeps the annotations on the map those of the moment shown: asks again only where one changed in between. */
export class PastAnnotations {
  private wanted: number | null = null;
  /** From when until when what is shown is right. */
  private right: { from: number; to: number } | null = null;
  private isAsking = false;

  /**
   * @param ask what was there at a moment
   * @param show null: what is there now
   * @param failed what is shown stays
   */
  constructor(
    private readonly ask: (at: number) => Promise<Past>,
    private readonly show: (annotations: readonly Annotation[] | null) => void,
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

  private async read(): Promise<void> {
    this.isAsking = true;
    try {
      // The moment may have moved on while the answer was on its way.
      while (this.wanted !== null && !this.isRight(this.wanted)) {
        const at = this.wanted;
        const { annotations, since, until } = await this.ask(at);
        if (this.wanted === null) break;
        this.right = { from: Math.min(since ?? 0, at), to: Math.max(until, at) };
        this.show(annotations);
      }
    } catch (error) {
      this.failed(error);
    } finally {
      this.isAsking = false;
    }
  }

  private isRight(moment: number): boolean {
    return this.right !== null && moment >= this.right.from && moment <= this.right.to;
  }
}
