import { h, setText } from "../dom";
import { t } from "../words";
import type { Measure, Owner, PlanApi } from "./api";
import type { AttributeInfo, KindInfo } from "./boot";
import { FigureForm } from "./figureform";
import type { Fields } from "./work";

const WAIT_MS = 250;

/** Square metres as people say them. */
export function areaText(area_m2: number): string {
  return area_m2 >= 1e6 ? t("{n} 平方千米", { n: (area_m2 / 1e6).toFixed(3) }) : t("{n} 平方米", { n: Math.round(area_m2).toLocaleString("en-US") });
}

/** What an area is called, what it is for, how high, whose: the fields beside its shape. */
export class Form {
  readonly element: HTMLElement;
  private readonly name = this.input("text", { name: "name", maxlength: 120 }, (value) => ({ name: value }));
  private readonly kind: HTMLSelectElement;
  private readonly low = this.height("z_min_m");
  private readonly high = this.height("z_max_m");
  private readonly source = this.input("text", { name: "source", maxlength: 200 }, (value) => ({ source: value }));
  private readonly owner = h("input", { type: "search", name: "owner", autocomplete: "off", oninput: () => this.wait() });
  private readonly owners = h("ul", { class: "owners" });
  private readonly attributes = h("div", { class: "attributes" });
  private readonly figure: FigureForm;
  private readonly measure = h("p", { class: "quiet measure" });
  private readonly retire = h("input", { type: "checkbox", name: "retire", onchange: () => this.onChange({ retire: this.retire.checked }) });
  private readonly retireField: HTMLElement;
  private fields: Fields | null = null;
  private attributesKey = "";
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly api: PlanApi,
    private readonly kinds: readonly KindInfo[],
    private readonly onChange: (changed: Partial<Fields>) => void,
  ) {
    this.kind = h(
      "select",
      { name: "kind", onchange: () => this.onChange({ kind: this.kind.value, attributes: {} }) },
      ...kinds.map(({ key, name }) => h("option", { value: key }, name)),
    );
    this.figure = new FigureForm((figure) => this.onChange({ figure }));
    this.retireField = h("label", { class: "check" }, this.retire, t("停用这个区域（批准后不再生效）"));
    this.element = h(
      "div",
      { class: "pane-body form" },
      h("label", { class: "field" }, t("名称"), this.name),
      h("label", { class: "field" }, t("类别"), this.kind),
      h("div", { class: "pair" }, h("label", { class: "field" }, t("底高（米）"), this.low), h("label", { class: "field" }, t("顶高（米）"), this.high)),
      this.measure,
      this.figure.element,
      h("div", { class: "field owner" }, h("label", {}, t("所属单位"), this.owner), this.owners),
      h("label", { class: "field" }, t("来源"), this.source),
      this.attributes,
      this.retireField,
    );
  }

  /** @param canRetire it is about an area that there is */
  show(fields: Fields, measure: Measure | null, canChange: boolean, canRetire: boolean): void {
    this.fields = fields;
    set(this.name, fields.name);
    set(this.source, fields.source);
    set(this.low, fields.z_min_m === null ? "" : String(fields.z_min_m));
    set(this.high, fields.z_max_m === null ? "" : String(fields.z_max_m));
    if (document.activeElement !== this.owner) this.owner.value = fields.owner?.name ?? "";
    this.kind.value = fields.kind;
    this.retire.checked = fields.retire;
    this.retireField.hidden = !canRetire;
    this.figure.show(fields.figure, canChange);
    this.drawAttributes(fields);
    const parts = measure === null ? [] : [
      measure.area_m2 > 0 ? areaText(measure.area_m2) : "",
      measure.length_m > 0 ? t("周长或长度 {n} 米", { n: Math.round(measure.length_m).toLocaleString("en-US") }) : "",
      t("{n} 个点", { n: measure.points }),
    ];
    setText(this.measure, parts.filter((part) => part !== "").join(" · "));
    for (const control of this.element.querySelectorAll<HTMLInputElement | HTMLSelectElement>("input, select")) control.disabled = !canChange;
  }

  private input(type: string, more: Record<string, string | number>, read: (value: string) => Partial<Fields>): HTMLInputElement {
    const input = h("input", { type, ...more, onchange: () => this.onChange(read(input.value)) });
    return input;
  }

  private height(key: "z_min_m" | "z_max_m"): HTMLInputElement {
    return this.input("number", { name: key, step: "any", placeholder: t("不限") }, (value) => ({ [key]: value === "" ? null : Number(value) }));
  }

  private drawAttributes({ kind, attributes }: Fields): void {
    const key = JSON.stringify([kind, attributes]);
    if (key === this.attributesKey) return;
    this.attributesKey = key;
    const declared = this.kinds.find((each) => each.key === kind)?.attributes ?? [];
    this.attributes.replaceChildren(...declared.map((attribute) => this.attribute(attribute, attributes[attribute.key])));
  }

  private attribute({ key, title, kind, unit, choices }: AttributeInfo, value: string | number | undefined): HTMLElement {
    const text = value === undefined ? "" : String(value);
    const control =
      kind === "choice"
        ? h("select", { name: key }, h("option", { value: "" }, t("未填")), ...choices.map(([choice, name]) => h("option", { value: choice }, name)))
        : h("input", { type: kind, name: key, value: text, min: kind === "number" ? 0 : undefined, maxlength: 200 });
    control.value = text;
    control.addEventListener("change", () => {
      const given = kind === "number" && control.value !== "" ? Number(control.value) : control.value;
      const { [key]: _gone, ...others } = this.fields?.attributes ?? {};
      this.onChange({ attributes: given === "" ? others : { ...others, [key]: given } });
    });
    return h("label", { class: "field" }, unit === "" ? title : `${title}（${unit}）`, control);
  }

  private wait(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.find(), WAIT_MS);
  }

  private async find(): Promise<void> {
    const query = this.owner.value.trim();
    if (query === "") {
      this.owners.replaceChildren();
      this.onChange({ owner: null });
      return;
    }
    const found = await this.api.owners(query).catch((): Owner[] => []);
    const rows = found.map((owner) => h("li", {}, h("button", { type: "button", onclick: () => this.choose(owner) }, owner.name)));
    this.owners.replaceChildren(...(rows.length > 0 ? rows : [h("li", { class: "quiet" }, t("没有这样的单位"))]));
  }

  private choose(owner: Owner): void {
    this.owners.replaceChildren();
    this.owner.blur();
    this.onChange({ owner });
  }
}

/** Not while somebody types in it. */
function set(input: HTMLInputElement, value: string): void {
  if (document.activeElement !== input) input.value = value;
}
