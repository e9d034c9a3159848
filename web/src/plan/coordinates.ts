import { h, setText } from "../dom";
import { happened } from "../screen/happened";
import { t } from "../words";
import type { PlanApi } from "./api";
import type { DatumInfo } from "./boot";
import { type Geometry, type Sort, sortOf } from "./geometry";

/** Points of the shape as text, in any datum, to be read and typed. */
export class Coordinates {
  readonly element: HTMLElement;
  private readonly datum: HTMLSelectElement;
  private readonly sort: HTMLSelectElement;
  private readonly text = h("textarea", { class: "coordinates", rows: 10, spellcheck: "false", "aria-label": t("坐标"), placeholder: "121.473701, 31.230416" });
  private readonly said = h("p", { class: "said", role: "status" });
  private readonly take: HTMLButtonElement;
  private shape: Geometry | null = null;

  constructor(
    private readonly api: Pick<PlanApi, "readCoordinates" | "writeCoordinates">,
    datums: readonly DatumInfo[],
    private readonly onShape: (shape: Geometry) => void,
  ) {
    const names = { polygon: t("面"), line: t("线"), point: t("点") };
    this.datum = h("select", { name: "datum", onchange: () => void this.write() }, ...datums.map(({ name, title }) => h("option", { value: name }, title)));
    this.sort = h("select", { name: "sort" }, ...Object.entries(names).map(([value, name]) => h("option", { value }, name)));
    this.take = h("button", { type: "button", onclick: () => void this.read() }, t("按坐标画出"));
    this.element = h(
      "div",
      { class: "pane-body" },
      h("label", { class: "field" }, t("坐标系"), this.datum),
      h("label", { class: "field" }, t("画成"), this.sort),
      this.text,
      h("p", { class: "quiet" }, t("每行一个点，经度（或东坐标）在前；空行另起一圈，圈内的圈为洞。也可写 31°13′49.5″N 121°28′25.3″E。")),
      this.take, this.said,
    );
  }

  show(shape: Geometry | null, canChange: boolean): void {
    this.take.disabled = !canChange;
    if (shape === this.shape) return;
    this.shape = shape;
    if (shape !== null) this.sort.value = sortOf(shape);
    if (this.element.isConnected && !this.element.hidden) void this.write();
  }

  /** Writes the shape's points out. */
  async write(): Promise<void> {
    setText(this.said, "");
    const { shape } = this;
    if (shape === null) return;
    try {
      const { text } = await this.api.writeCoordinates(shape, this.datum.value);
      if (shape === this.shape) this.text.value = text;
    } catch (error) {
      this.fault(error);
    }
  }

  private async read(): Promise<void> {
    try {
      const { shape } = await this.api.readCoordinates(this.text.value, this.datum.value, this.sort.value as Sort);
      setText(this.said, t("已画到地图上。"));
      this.shape = shape;
      this.onShape(shape);
    } catch (error) {
      this.fault(error);
    }
  }

  private fault(error: unknown): void {
    setText(this.said, happened(error));
  }
}
