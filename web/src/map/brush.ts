import type { Stream } from "../live/stream";
import type { MapCanvas } from "./canvas";
import { drawingInterval } from "./pace";
import type { Picture } from "./picture";
import type { Selection } from "./selection";

/** Between two steps of what moves, where people asked for less motion. */
const STEP_MS = 2000;

/** When the moving things are drawn: once for many causes, and as often as needed while something glides. */
export class Brush {
  canvas: MapCanvas | null = null;
  private isDrawAsked = false;
  private isGliding = false;
  private isStepDue = false;

  constructor(
    private readonly stream: Stream,
    private readonly picture: Picture,
    private readonly selection: Selection,
  ) {}

  /** Draws at the next opportunity; many causes in one moment draw once. */
  draw(): void {
    if (this.isDrawAsked) return;
    this.isDrawAsked = true;
    requestAnimationFrame(() => {
      this.isDrawAsked = false;
      if (this.canvas !== null) this.picture.draw(this.canvas, this.stream.cells, this.selection);
    });
  }

  /** Draws what positions changed; where people asked for less motion, what two seconds bring in one step. */
  follow(isFirst: boolean): void {
    if (isFirst || this.stream.fleet.glides) {
      this.move();
    } else if (!this.isStepDue) {
      this.isStepDue = true;
      setTimeout(() => {
        this.isStepDue = false;
        this.move();
      }, STEP_MS);
    }
  }

  /** Lays everything out anew. */
  redo(): void {
    this.picture.forget();
    this.draw();
  }

  private move(): void {
    if (this.stream.cells === null) this.glide();
    this.draw();
  }

  /** Draws while something glides, as often as a pixel changes, and then once more. */
  private glide(): void {
    if (this.isGliding) return;
    const step = (): void => {
      const { canvas } = this;
      const wait = canvas === null ? null : drawingInterval(this.stream.fleet.gliding(), canvas.zoom);
      this.isGliding = wait !== null;
      canvas?.redraw();
      if (wait !== null) setTimeout(() => requestAnimationFrame(step), wait);
    };
    step();
  }
}
