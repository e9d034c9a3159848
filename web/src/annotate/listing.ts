import { happened } from "../screen/happened";
import type { AnnotateApi } from "./api";
import type { AnnotatePane } from "./pane";
import { MOST_DRAWN } from "./present";
import type { Palette, Question } from "./records";
import type { Store } from "./store";
import { type Box, boxText } from "./window";

const LISTED = 200;
/** Changes within so short a time are listed as one. */
const LIST_MS = 300;

/** Keeps the panel's list what is asked for there. */
export class Listing {
  private most = LISTED;
  private isDue = false;
  private turn = 0;

  constructor(
    private readonly api: AnnotateApi,
    private readonly pane: AnnotatePane,
    private readonly store: Store,
    private readonly palette: () => Palette | null,
    private readonly view: () => Box | null,
  ) {}

  /** What is asked for. */
  question(): Question {
    const view = this.pane.isOnlyHere.checked ? this.view() : null;
    return { ...this.pane.question(), bbox: view === null ? "" : boxText(view) };
  }

  /** Something changed. */
  changed(): void {
    if (!this.pane.isOpen || this.isDue) return;
    this.isDue = true;
    setTimeout(() => {
      this.isDue = false;
      void this.list();
    }, LIST_MS);
  }

  /** Another question is asked. */
  ask(): void {
    this.most = LISTED;
    void this.list();
  }

  more(): void {
    this.most = Math.min(this.most + LISTED, MOST_DRAWN);
    void this.list();
  }

  async list(): Promise<void> {
    const { pane, store } = this;
    const palette = this.palette();
    if (palette === null) return;
    const turn = ++this.turn;
    if (store.isPast) {
      pane.list(store.shown.slice(0, this.most), store.shown.length, palette, true);
      return;
    }
    const question = this.question();
    const isAll = Object.values(question).every((value) => value === "" || value === false);
    try {
      const { annotations, count } = await this.api.list(question, this.most);
      if (turn === this.turn) pane.list(annotations, count, palette, isAll);
    } catch (error) {
      if (turn === this.turn) pane.fail(happened(error));
    }
  }
}
