import type { Playing, Run, RunStep } from "../director/protocol";

/** Plays a tour: which step is on, and until when. Time is given to it, so that a test can give its own. */
export class Tour {
  run: Run | null = null;
  /** What is left of the step while it is paused, ms. */
  private left_ms = 0;

  /**
   * @param now server time, ms
   * @param onStep shows a step
   * @param onChange called after everything that others should learn of
   */
  constructor(
    private readonly now: () => number,
    private readonly onStep: (step: RunStep) => void,
    private readonly onChange: () => void,
  ) {}

  get isPlaying(): boolean {
    return this.run !== null && !this.run.paused;
  }

  /** Begins, or goes on where the record says it was; a step that was cut short is shown whole again. */
  play(run: Run): void {
    this.run = { ...run };
    this.show(run.step);
  }

  /** Shows the next or an earlier step; a tour that does not loop ends behind its last. */
  move(by: 1 | -1): void {
    if (this.run === null) return;
    const { step, steps, loop } = this.run;
    const wanted = step + by;
    if (wanted >= steps.length && !loop) this.stop();
    else this.show((wanted + steps.length) % steps.length);
  }

  pause(why: "order" | "touch"): void {
    const { run } = this;
    if (run === null || run.paused) return;
    this.left_ms = Math.max(0, (run.until ?? this.now()) - this.now());
    Object.assign(run, { paused: true, why, until: null });
    this.onChange();
  }

  resume(): void {
    const { run } = this;
    if (run === null || !run.paused) return;
    Object.assign(run, { paused: false, why: "", until: this.now() + this.left_ms });
    // Somebody may have looked elsewhere meanwhile.
    this.onStep(run.steps[run.step]);
    this.onChange();
  }

  stop(): void {
    if (this.run === null) return;
    this.run = null;
    this.onChange();
  }

  /** To be called several times a second. */
  tick(): void {
    const until = this.run?.until;
    if (until != null && this.now() >= until) this.move(1);
  }

  report(): Playing | null {
    if (this.run === null) return null;
    const { run, step, paused, why, until } = this.run;
    return { run, step, paused, why, until };
  }

  private show(step: number): void {
    const { run } = this;
    if (run === null) return;
    const dwell_ms = run.steps[step].dwell_s * 1000;
    this.left_ms = dwell_ms;
    Object.assign(run, { step, until: run.paused ? null : this.now() + dwell_ms });
    this.onStep(run.steps[step]);
    this.onChange();
  }
}
