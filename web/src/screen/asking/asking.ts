import type { MapCanvas } from "../../map/canvas";
import type { Tokens } from "../../tokens";
import { t } from "../../words";
import type { ScreenApi } from "../api";
import { RefusedError } from "../api";
import type { Ground } from "../ground";
import { happened } from "../happened";
import { AskPane } from "./pane";
import { type Answered, type LayerAnswer, type LonLat, type Tool, type Where, boxOf, metres } from "./questions";
import { Sketch } from "./sketch";

interface Deps {
  api: ScreenApi;
  /** Ids of the layers that are switched on: what is asked about. */
  layers(): string[];
  /** The thing that is selected; null: none. */
  selected(): number | null;
  now(): number;
  /** Opens what a row tells of. */
  onRow(layer: LayerAnswer, row: LayerAnswer["rows"][number]): void;
  onOpen(isOpen: boolean): void;
}

/** Asking the map: a shape drawn by hand, and what each layer has there. */
export class Asking {
  readonly pane: AskPane;
  private sketch: Sketch | null = null;
  private ground: Ground | null = null;
  private asked: Where | null = null;
  private turn = 0;

  constructor(private readonly deps: Deps) {
    this.pane = new AskPane({
      onTool: (tool) => this.take(tool),
      onFile: (kind) => void this.file(kind),
      onRow: (layer, row) => deps.onRow(layer, row),
      onClose: () => this.open(false),
    });
  }

  /** The map is there. */
  on(canvas: MapCanvas, ground: Ground, tokens: Tokens, scale: number): void {
    this.ground = ground;
    this.sketch = new Sketch(canvas.map, tokens, scale, (tool, points, pixel) => this.drawn(tool, points, pixel));
  }

  get isDrawing(): boolean {
    return this.sketch?.isDrawing ?? false;
  }

  get isOpen(): boolean {
    return this.pane.isOpen;
  }

  open(isOpen: boolean): void {
    this.pane.open(isOpen);
    this.sketch?.take(null);
    if (isOpen) this.pane.take(null, t("选一种查法，在图上画出范围。查的是左侧已打开的图层。"));
    else this.sketch?.show(null, []);
    this.deps.onOpen(isOpen);
  }

  /** One step back: lays the tool down, then closes. */
  back(): void {
    if (this.isDrawing) {
      this.sketch?.take(null);
      this.pane.take(null, "");
    } else this.open(false);
  }

  private take(tool: Tool): void {
    this.pane.take(tool, hints()[tool]);
    this.sketch?.show(null, []);
    this.sketch?.take(tool);
    if (tool !== "near") return;
    const id = this.deps.selected();
    if (id === null) this.pane.take(null, t("请先在图上选中一个对象。"));
    else void this.ask({ type: "near", thing: "asset", id, radius_m: this.pane.settings().radius_m });
  }

  private drawn(tool: Tool, points: LonLat[], { x, y }: { x: number; y: number }): void {
    const where = this.where(tool, points, x, y);
    this.pane.take(null, "");
    if (where === null) this.pane.fail(t("这里不在任何区内。"));
    else void this.ask(where);
  }

  private where(tool: Tool, points: LonLat[], x: number, y: number): Where | null {
    const { radius_m, width_m, k, hours } = this.pane.settings();
    const [first] = points;
    const [lon, lat] = first;
    switch (tool) {
      case "circle": {
        // A click without a pull means the radius that was typed.
        const pulled = metres(first, points[points.length - 1]);
        return { type: "circle", lon, lat, radius_m: pulled < 1 ? radius_m : pulled };
      }
      case "rectangle":
        return { type: "rectangle", bbox: boxOf(first, points[points.length - 1]) };
      case "polygon":
        return { type: "polygon", ring: points };
      case "corridor":
        return { type: "corridor", line: points, width_m };
      case "nearest":
        return { type: "nearest", lon, lat, k };
      case "crossed":
        return { type: "crossed", line: points, from: this.deps.now() - hours * 3_600_000, to: this.deps.now() };
      case "district": {
        const code = this.ground?.districtAt(x, y) ?? null;
        return code === null ? null : { type: "district", code };
      }
      case "near":
        return null;
    }
  }

  private async ask(where: Where): Promise<void> {
    const turn = ++this.turn;
    this.asked = where;
    this.pane.wait();
    try {
      const answered = await this.deps.api.question(where, this.deps.layers());
      if (turn !== this.turn || !this.isOpen) return;
      this.pane.show(answered);
      this.sketch?.show(answered.shape, placesOf(answered));
    } catch (error) {
      if (turn === this.turn) this.pane.fail(said(error));
    }
  }

  private async file(kind: "xlsx" | "geojson"): Promise<void> {
    if (this.asked === null) return;
    try {
      await this.deps.api.questionFile(this.asked, this.deps.layers(), kind);
    } catch (error) {
      this.pane.take(null, said(error));
    }
  }
}

function hints(): Record<Tool, string> {
  return {
    circle: t("从圆心按住拖到边；单击则用“周边半径”。"),
    rectangle: t("按住拖出矩形。"),
    polygon: t("按住鼠标圈出范围，松开即查。"),
    corridor: t("逐点单击，双击结束。"),
    nearest: t("单击一处，查离它最近的。"),
    district: t("单击要查的区。"),
    near: "",
    crossed: t("逐点单击画线，双击结束；查线两侧往来的对象。"),
  };
}

function placesOf({ layers }: Answered): LonLat[] {
  return layers.flatMap(({ places }) => places.map(([, lon, lat]): LonLat => [lon, lat]));
}

function said(error: unknown): string {
  return error instanceof RefusedError ? error.detail : t("查询失败：{what}。", { what: happened(error) });
}
