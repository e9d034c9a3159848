import { h, setText } from "../dom";
import { happened } from "../screen/happened";
import { t } from "../words";
import type { Measure, PlanApi } from "./api";
import { Drawing, type Tool } from "./drawing";
import { type Figure, type Geometry, assemble, joined, piecesOf, sortOf } from "./geometry";
import { History } from "./history";
import type { Overlay } from "./overlay";
import type { Deed } from "./tools";
import type { Fields } from "./work";

const DEFAULT_WIDTH_M = 20;

/** What the editor asks of the page around it. */
interface Handlers {
  onChange(): void;
  say(text: string): void;
  /** Shapes of neighbours, to snap to. */
  neighbours(shape: Geometry): Promise<Geometry[]>;
}

/** The fields in hand: every change goes through here, can be undone, and is shown on the map. */
export class Editor {
  fields: Fields;
  measure: Measure | null = null;
  isDirty = false;
  canChange = false;
  readonly bar: HTMLElement;
  private history: History<Fields>;
  private readonly distance = h("input", { type: "number", step: "any", value: 10, class: "metres", "aria-label": t("距离（米）") });
  private readonly distanceGo = h("button", { type: "submit", class: "strong" });
  private onDistance: ((metres: number) => void) | null = null;
  private measured = 0;

  constructor(
    private readonly api: PlanApi,
    private readonly drawing: Drawing,
    private readonly overlay: Overlay,
    private readonly handlers: Handlers,
    fields: Fields,
  ) {
    this.fields = fields;
    this.history = new History(fields);
    const form = h(
      "form",
      {
        onsubmit: (event) => {
          event.preventDefault();
          const then = this.onDistance;
          this.closeBar();
          if (Number.isFinite(this.distance.valueAsNumber)) then?.(this.distance.valueAsNumber);
        },
      },
      this.distance, h("span", {}, t("米")), this.distanceGo,
      h("button", { type: "button", onclick: () => this.closeBar() }, t("取消")),
    );
    this.bar = h("div", { class: "distance-bar", hidden: true }, form);
  }

  get tool(): Tool | null {
    return this.drawing.tool;
  }

  get canUndo(): boolean {
    return this.history.canUndo;
  }

  get canRedo(): boolean {
    return this.history.canRedo;
  }

  /** Something else is in hand from now on. */
  open(fields: Fields, canChange: boolean): void {
    this.fields = fields;
    this.history = new History(fields);
    this.isDirty = false;
    this.canChange = canChange;
    this.closeBar();
    this.draw(true);
  }

  /** What was in hand is stored; it stays, and what was done can still be undone. */
  kept(): void {
    this.isDirty = false;
  }

  /** Changes some of the fields. */
  change(changed: Partial<Fields>): void {
    if (!this.canChange) return;
    const figure = changed.figure;
    if (figure !== undefined && figure !== null && !("shape" in changed)) {
      void this.lay(figure);
      return;
    }
    this.put({ ...this.fields, ...changed }, "shape" in changed);
  }

  /** A shape from somewhere else: typed coordinates, an earlier version. */
  take(shape: Geometry): void {
    this.change({ shape, figure: null });
  }

  act(deed: Deed): void {
    const { shape } = this.fields;
    this.closeBar();
    switch (deed.do) {
      case "draw":
        if (this.drawing.tool === deed.tool) this.drawing.stop();
        else this.drawing.start(deed.tool);
        this.handlers.onChange();
        return;
      case "undo":
        this.restore(this.history.undo());
        return;
      case "redo":
        this.restore(this.history.redo());
        return;
      case "clear":
        this.change({ shape: null, figure: null });
        return;
      default:
        if (shape !== null) this.workOn(deed.do, shape);
    }
  }

  drawn(tool: Tool, shape: Geometry, figure: Figure | null): void {
    const { fields } = this;
    if (tool === "knife" && fields.shape !== null) void this.work("split", [fields.shape, shape], (pieces) => this.pieces(pieces));
    else if (tool === "hole" && fields.shape !== null) void this.work("cut", [fields.shape, shape], ([rest]) => this.take(rest));
    else if (tool === "corridor") void this.lay({ type: "corridor", width_m: DEFAULT_WIDTH_M, line: shape });
    else if (figure !== null && fields.shape === null) void this.lay(figure);
    else if (tool === "line" && fields.shape === null) this.change({ shape, figure: null, kind: "line", attributes: {} });
    else this.change({ shape: joined(fields.shape, shape), figure: null });
  }

  edited(shape: Geometry, figure: Figure | null): void {
    if (figure !== null) void this.lay(figure);
    else this.put({ ...this.fields, shape, figure: null }, false);
  }

  private workOn(what: "buffer" | "merge" | "snap" | "mend" | "solid", shape: Geometry): void {
    switch (what) {
      case "buffer":
        this.askDistance(t("缓冲"), 10, (distance_m) => void this.work("buffer", [shape], ([grown]) => this.take(grown), { distance_m }));
        return;
      case "snap":
        this.askDistance(t("吸附"), 5, (distance_m) => void this.snap(shape, distance_m));
        return;
      case "merge":
        void this.work("merge", apart(shape), ([whole]) => this.take(whole));
        return;
      case "mend":
        void this.work("mend", [shape], ([whole]) => this.take(whole));
        return;
      case "solid":
        return;
    }
  }

  private async snap(shape: Geometry, distance_m: number): Promise<void> {
    const others = await this.handlers.neighbours(shape);
    if (others.length === 0) this.handlers.say(t("附近没有别的区域可以吸附。"));
    else await this.work("snap", [shape, ...others], ([snapped]) => this.take(snapped), { distance_m });
  }

  /** After a cut the pieces stay one area of several parts. */
  private pieces(pieces: Geometry[]): void {
    const rings = pieces.flatMap((piece, part) => piecesOf(piece).map((ring) => ({ ...ring, part })));
    const whole = assemble(rings);
    if (whole !== null) this.take(whole);
    this.handlers.say(t("已分成 {n} 块。", { n: pieces.length }));
  }

  private async lay(figure: Figure): Promise<void> {
    await this.work("figure", [], ([shape]) => this.put({ ...this.fields, shape, figure }, true), { figure });
  }

  private async work(op: string, shapes: Geometry[], then: (shapes: Geometry[]) => void, more: { figure?: Figure; distance_m?: number } = {}): Promise<void> {
    try {
      then((await this.api.work(op, shapes, more)).shapes);
    } catch (error) {
      this.handlers.say(happened(error));
      this.draw(true);
    }
  }

  private put(fields: Fields, isRedrawn: boolean): void {
    this.history.push(fields);
    this.fields = fields;
    this.isDirty = true;
    this.draw(isRedrawn);
  }

  private restore(fields: Fields | null): void {
    if (fields === null) return;
    this.fields = fields;
    this.isDirty = true;
    this.draw(true);
  }

  /** @param isRedrawn the hand's own picture of the shape is stale, too */
  private draw(isRedrawn: boolean): void {
    const { shape, figure, z_min_m, z_max_m } = this.fields;
    if (isRedrawn) this.drawing.show(this.canChange ? shape : null, figure);
    this.overlay.show(shape, z_min_m, z_max_m);
    this.handlers.onChange();
    void this.read(shape);
  }

  private async read(shape: Geometry | null): Promise<void> {
    const number = ++this.measured;
    const measure = shape === null ? null : await this.api.work("measure", [shape]).then(({ measures }) => measures[0], () => null);
    if (number !== this.measured) return;
    this.measure = measure;
    this.handlers.onChange();
  }

  private askDistance(name: string, metres: number, then: (metres: number) => void): void {
    this.onDistance = then;
    this.distance.value = String(metres);
    setText(this.distanceGo, name);
    this.bar.hidden = false;
    this.distance.focus();
    this.distance.select();
  }

  private closeBar(): void {
    this.bar.hidden = true;
    this.onDistance = null;
  }
}

/** Each part by itself. */
function apart(shape: Geometry): Geometry[] {
  const pieces = piecesOf(shape);
  const parts = [...new Set(pieces.map(({ part }) => part))];
  if (sortOf(shape) === "point") return [shape];
  return parts.flatMap((part) => assemble(pieces.filter((piece) => piece.part === part)) ?? []);
}
