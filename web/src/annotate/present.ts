import type { Listed } from "./api";
import type { Question } from "./records";
import type { Store } from "./store";
import { type Box, Window, boxText } from "./window";

/** So many are drawn at most, the last changed first. */
export const MOST_DRAWN = 2_000;

interface Handlers {
  /** What the map shows; null: there is no map yet. */
  view(): Box | null;
  /** What belongs on the map apart from the place. */
  question(): Partial<Question>;
  ask(question: Partial<Question>, limit: number): Promise<Listed>;
  /** The store has what was read. */
  onRead(listed: Listed): void;
  onFailed(error: unknown): void;
}

/** Keeps the annotations of now in the store those of the part of the map that is shown. */
export class PresentAnnotations {
  /** Whether the server tells of changes: from then on what is read stays right. */
  isTold = false;
  private readonly window = new Window();
  private turn = 0;

  constructor(
    private readonly store: Store,
    private readonly handlers: Handlers,
  ) {}

  /** Reads what is not here, or all of it anew. */
  async read(isAnew: boolean): Promise<void> {
    const { handlers, store, window } = this;
    const view = handlers.view();
    if (view === null || !this.isTold || store.isPast) return;
    if (isAnew) window.forget();
    const box = window.wanted(view);
    if (box === null) return;
    const turn = ++this.turn;
    store.reading();
    try {
      const listed = await handlers.ask({ ...handlers.question(), bbox: boxText(box) }, MOST_DRAWN);
      if (turn !== this.turn) return;
      window.holds(box, !listed.truncated);
      store.replace(listed.annotations);
      handlers.onRead(listed);
    } catch (error) {
      if (turn === this.turn) handlers.onFailed(error);
    }
  }
}
