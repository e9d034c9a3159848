import { h, setText } from "../dom";
import { happened } from "../screen/happened";
import type { Clock } from "../time";
import { t } from "../words";
import type { Area, PlanApi, Properties, VersionInfo } from "./api";
import type { KindInfo } from "./boot";
import { areaText } from "./form";
import { sortOf } from "./geometry";
import type { Compared } from "./overlay";
import type { Fields } from "./work";

/** What an area was: its versions, and what differs between one of them and what is in hand. */
export class Versions {
  readonly element: HTMLElement;
  private readonly list = h("ol", { class: "versions" });
  private readonly difference = h("div", { class: "difference" });
  private readonly said = h("p", { class: "quiet", role: "status" }, t("新区域还没有版本。"));
  private area: number | null = null;
  private fields: Fields | null = null;
  private compared: Area | null = null;
  private shown = 0;

  constructor(
    private readonly api: PlanApi,
    private readonly clock: Clock,
    private readonly kinds: readonly KindInfo[],
    private readonly onCompare: (compared: Compared | null) => void,
    private readonly onTake: (version: Area) => void,
  ) {
    this.element = h("div", { class: "pane-body" }, this.said, this.list, this.difference);
  }

  /** Of which area, and what is in hand. */
  show(area: number | null, version: number, fields: Fields | null): void {
    this.fields = fields;
    const isOther = area !== this.area || version !== this.shown;
    this.area = area;
    this.shown = version;
    if (isOther) {
      this.compare(null);
      this.list.replaceChildren();
      setText(this.said, area === null ? t("新区域还没有版本。") : t("选一个版本，虚线显示它的范围。"));
      if (area !== null) void this.read(area);
    } else if (this.compared !== null) {
      this.drawDifference(this.compared);
    }
  }

  private async read(area: number): Promise<void> {
    try {
      const versions = await this.api.versions(area);
      if (area === this.area) this.list.replaceChildren(...versions.map((version) => this.row(version)));
    } catch (error) {
      setText(this.said, t("没有读到：{what}", { what: happened(error) }));
    }
  }

  private row(version: VersionInfo): HTMLElement {
    const since = version.from === null ? t("起始不详") : this.clock.dayAndMinute(Date.parse(version.from));
    return h(
      "li", {},
      h(
        "button",
        { type: "button", class: "version", "data-version": version.version, "aria-pressed": "false", onclick: () => void this.choose(version.version) },
        h("strong", {}, t("第 {n} 版", { n: version.version })),
        version.active ? null : h("span", { class: "quiet" }, t("停用")),
        h("span", { class: "quiet" }, [since, version.by, areaText(version.area_m2)].filter((part) => part !== "").join(" · ")),
      ),
    );
  }

  private async choose(version: number): Promise<void> {
    if (this.area === null) return;
    if (this.compared?.version === version) {
      this.compare(null);
      return;
    }
    try {
      this.compare(await this.api.version(this.area, version));
    } catch (error) {
      setText(this.said, t("没有读到：{what}", { what: happened(error) }));
    }
  }

  private compare(version: Area | null): void {
    this.compared = version;
    for (const button of this.list.querySelectorAll("button")) button.setAttribute("aria-pressed", String(button.dataset.version === String(version?.version)));
    this.onCompare(version === null ? null : { was: version.shape, gone: null, come: null });
    if (version === null) this.difference.replaceChildren();
    else this.drawDifference(version);
  }

  private drawDifference(version: Area): void {
    const { fields } = this;
    if (fields === null) return;
    const now = this.told(fields);
    const rows = this.told(version).flatMap(([name, was], order) => {
      const [, is] = now[order];
      return was === is ? [] : [h("tr", {}, h("th", {}, name), h("td", {}, was || "—"), h("td", {}, is || "—"))];
    });
    const ground = h("p", { class: "ground-difference" });
    void this.drawGround(version, fields, ground);
    this.difference.replaceChildren(
      h("h3", {}, t("第 {n} 版与手上的不同", { n: version.version })),
      ground,
      rows.length === 0
        ? h("p", { class: "quiet" }, t("属性没有不同。"))
        : h("table", {}, h("thead", {}, h("tr", {}, h("th", {}, ""), h("th", {}, t("第 {n} 版", { n: version.version })), h("th", {}, t("手上的")))), h("tbody", {}, ...rows)),
      h("button", { type: "button", onclick: () => this.onTake(version) }, t("取回这一版")),
    );
  }

  /** How much ground came and went, on the map and in figures. */
  private async drawGround(version: Area, { shape }: Fields, line: HTMLElement): Promise<void> {
    if (shape === null || sortOf(shape) !== "polygon" || sortOf(version.shape) !== "polygon") return;
    try {
      const { shapes, measures } = await this.api.work("compare", [version.shape, shape]);
      if (version !== this.compared) return;
      this.onCompare({ was: version.shape, gone: shapes[0], come: shapes[1] });
      setText(line, t("增加 {come}，减少 {gone}", { come: areaText(measures[1].area_m2), gone: areaText(measures[0].area_m2) }));
    } catch (error) {
      setText(line, happened(error));
    }
  }

  private told(thing: Omit<Properties, "shape">): [string, string][] {
    const number = (value: number | null): string => (value === null ? t("不限") : String(value));
    const declared = this.kinds.find(({ key }) => key === thing.kind);
    return [
      [t("名称"), thing.name],
      [t("类别"), declared?.name ?? thing.kind],
      [t("底高（米）"), number(thing.z_min_m)],
      [t("顶高（米）"), number(thing.z_max_m)],
      [t("时段"), thing.periods_text],
      [t("所属单位"), thing.owner?.name ?? ""],
      [t("来源"), thing.source],
      [t("属性"), Object.entries(thing.attributes).map(([key, value]) => `${declared?.attributes.find((each) => each.key === key)?.title ?? key} ${value}`).join("，")],
    ];
  }
}
