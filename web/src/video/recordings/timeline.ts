import { h } from "../../dom";
import type { Clock } from "../../time";
import { t } from "../../words";
import type { Mark } from "./api";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STEPS = [5 * SECOND, 15 * SECOND, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, DAY, 7 * DAY];
const LEAST_SPAN = MINUTE;
const MOST_SPAN = 31 * DAY;
const ZOOM = 1.25;
const LABEL_EM = 6;
const DRAG_PX = 4;
const KINDS: Record<Mark["kind"], string> = {
  note: "--accent", case: "--grade-orange", ticket: "--grade-yellow", alert: "--grade-red", hand: "--working",
};

interface Handlers {
  onSeek(at: number): void;
  /** Another span is in view. */
  onView(from: number, to: number): void;
}

/** When there is what: recordings as a band, marks above it, a needle where the picture is; wheel and drag move it. */
export class TimelineView {
  readonly element: HTMLElement;
  from: number;
  to: number;
  private readonly canvas = h("canvas", { tabindex: "0", role: "slider", "aria-label": t("录像时间轴") });
  private readonly hint = h("span", { class: "timeline-hint" });
  private stretches: [number, number][] = [];
  private missing: [number, number][] = [];
  private marks: Mark[] = [];
  private needle: number | null = null;
  private chosen: [number, number] | null = null;

  constructor(
    private readonly clock: Clock,
    private readonly handlers: Handlers,
  ) {
    this.to = clock.now() + 5 * MINUTE;
    this.from = this.to - 2 * HOUR;
    this.element = h("div", { class: "timeline" }, this.canvas, this.hint);
    this.canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.canvas.addEventListener("pointerdown", (event) => this.drag(event));
    this.canvas.addEventListener("pointermove", (event) => this.point(event));
    this.canvas.addEventListener("pointerleave", () => (this.hint.hidden = true));
    this.hint.hidden = true;
    new ResizeObserver(() => this.draw()).observe(this.canvas);
  }

  /** Shows a span; the picture's place stays where it is unless it lies outside. */
  view(from: number, to: number): void {
    const span = Math.min(MOST_SPAN, Math.max(LEAST_SPAN, to - from));
    const middle = (from + to) / 2;
    this.from = middle - span / 2;
    this.to = middle + span / 2;
    this.draw();
    this.handlers.onView(this.from, this.to);
  }

  zoom(factor: number, around: number | null = this.needle): void {
    const centre = around !== null && around > this.from && around < this.to ? around : (this.from + this.to) / 2;
    const span = Math.min(MOST_SPAN, Math.max(LEAST_SPAN, (this.to - this.from) * factor));
    const share = (centre - this.from) / (this.to - this.from);
    this.view(centre - span * share, centre + span * (1 - share));
  }

  /** @param missing recorded, and gone from the disk */
  tell(stretches: [number, number][], marks: Mark[], missing: [number, number][]): void {
    this.stretches = stretches;
    this.missing = missing;
    this.marks = marks;
    this.draw();
  }

  /** @param at the moment shown; null: none */
  point_to(at: number | null): void {
    this.needle = at;
    if (at !== null) this.canvas.setAttribute("aria-valuetext", this.clock.time(at));
    this.draw();
  }

  /** @param span what is to be cut or bound; null: nothing */
  choose(span: [number, number] | null): void {
    this.chosen = span;
    this.draw();
  }

  private x(at: number): number {
    return ((at - this.from) / (this.to - this.from)) * this.canvas.clientWidth;
  }

  private time(x: number): number {
    return this.from + (x / this.canvas.clientWidth) * (this.to - this.from);
  }

  private wheel(event: WheelEvent): void {
    event.preventDefault();
    const span = this.to - this.from;
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      const by = (Math.sign(event.deltaX || event.deltaY) * span) / 10;
      this.view(this.from + by, this.to + by);
    } else this.zoom(event.deltaY > 0 ? ZOOM : 1 / ZOOM, this.time(event.offsetX));
  }

  private drag(down: PointerEvent): void {
    this.canvas.setPointerCapture(down.pointerId);
    const { from, to } = this;
    let isDragged = false;
    const move = (event: PointerEvent): void => {
      isDragged ||= Math.abs(event.offsetX - down.offsetX) > DRAG_PX;
      const by = ((down.offsetX - event.offsetX) / this.canvas.clientWidth) * (to - from);
      if (isDragged) this.view(from + by, to + by);
    };
    const up = (event: PointerEvent): void => {
      this.canvas.removeEventListener("pointermove", move);
      if (!isDragged) this.handlers.onSeek(this.time(event.offsetX));
    };
    this.canvas.addEventListener("pointermove", move);
    this.canvas.addEventListener("pointerup", up, { once: true });
  }

  private point(event: PointerEvent): void {
    const at = this.time(event.offsetX);
    const mark = this.marks.find(({ from, to }) => this.x(from) - 5 <= event.offsetX && event.offsetX <= this.x(to) + 5 && event.offsetY < 22);
    const isMissing = this.missing.some(([from, to]) => from <= at && at <= to);
    this.hint.textContent = mark === undefined
      ? `${this.clock.date(at)} ${this.clock.time(at)}${isMissing ? ` ${t("录像文件缺失")}` : ""}`
      : [mark.kind_name, mark.number, mark.text, this.clock.time(mark.from)].filter((word) => word !== "").join(" · ");
    this.hint.style.setProperty("--x", `${Math.min(Math.max(event.offsetX, 70), this.canvas.clientWidth - 70)}px`);
    this.hint.hidden = false;
  }

  private draw(): void {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const context = this.canvas.getContext("2d");
    if (context === null || width === 0) return;
    const scale = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(width * scale);
    this.canvas.height = Math.round(height * scale);
    context.scale(scale, scale);
    const style = getComputedStyle(this.canvas);
    const colour = (name: string): string => style.getPropertyValue(name).trim();
    const band = { top: 24, height: height - 24 - 26 };
    context.fillStyle = colour("--line");
    context.fillRect(0, band.top, width, band.height);
    for (const [name, stretches] of [["--accent", this.stretches], ["--grade-red", this.missing]] as const) {
      context.fillStyle = colour(name);
      for (const [from, to] of stretches) {
        const left = Math.max(0, this.x(from));
        context.fillRect(left, band.top, Math.max(1, Math.min(width, this.x(to)) - left), band.height);
      }
    }
    if (this.chosen !== null) {
      context.fillStyle = colour("--grade-yellow");
      context.globalAlpha = 0.45;
      context.fillRect(this.x(this.chosen[0]), band.top - 4, Math.max(2, this.x(this.chosen[1]) - this.x(this.chosen[0])), band.height + 8);
      context.globalAlpha = 1;
    }
    for (const mark of this.marks) {
      context.fillStyle = colour(KINDS[mark.kind]);
      const left = this.x(mark.from);
      context.fillRect(left, 8, Math.max(3, this.x(mark.to) - left), 5);
      context.beginPath();
      context.arc(left + 1, 10.5, 5, 0, 2 * Math.PI);
      context.fill();
    }
    this.ticks(context, width, height, colour("--quiet"), style);
    if (this.needle !== null) {
      context.fillStyle = colour("--text");
      context.fillRect(this.x(this.needle) - 1, 2, 2, height - 24);
    }
  }

  private ticks(context: CanvasRenderingContext2D, width: number, height: number, colour: string, style: CSSStyleDeclaration): void {
    const span = this.to - this.from;
    const step = STEPS.find((each) => (each / span) * width >= LABEL_EM * Number.parseFloat(style.fontSize)) ?? STEPS[STEPS.length - 1];
    context.fillStyle = colour;
    context.font = `${style.fontSize} ${style.fontFamily}`;
    context.textAlign = "center";
    context.textBaseline = "bottom";
    const zero = this.clock.midnight();
    for (let at = zero + Math.ceil((this.from - zero) / step) * step; at < this.to; at += step) {
      const x = this.x(at);
      context.fillRect(x, height - 25, 1, 5);
      const isDay = (at - zero) % DAY === 0;
      const text = isDay ? this.clock.date(at) : step < MINUTE ? this.clock.time(at) : this.clock.minute(at);
      if (x > 20 && x < width - 20) context.fillText(text, x, height - 3);
    }
  }
}
