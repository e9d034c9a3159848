const MOST_STEPS = 200;

/** What was done, step by step, to be undone and done again. States are values: nobody changes one. */
export class History<State> {
  private readonly past: State[] = [];
  private readonly future: State[] = [];

  constructor(private present: State) {}

  get canUndo(): boolean {
    return this.past.length > 0;
  }

  get canRedo(): boolean {
    return this.future.length > 0;
  }

  /** Something was done: this is how it is now. */
  push(state: State): void {
    this.past.push(this.present);
    if (this.past.length > MOST_STEPS) this.past.shift();
    this.future.length = 0;
    this.present = state;
  }

  /** One step back; null: there is none. */
  undo(): State | null {
    return this.step(this.past, this.future);
  }

  /** One step forward again; null: there is none. */
  redo(): State | null {
    return this.step(this.future, this.past);
  }

  private step(from: State[], to: State[]): State | null {
    const state = from.pop();
    if (state === undefined) return null;
    to.push(this.present);
    this.present = state;
    return state;
  }
}
