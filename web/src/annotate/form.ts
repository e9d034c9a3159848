import { h, setText } from "../dom";
import { Coordinates } from "../plan/coordinates";
import type { Geometry } from "../plan/geometry";
import type { Clock } from "../time";
import { t } from "../words";
import type { AnnotateApi } from "./api";
import { Choosing } from "./choosing";
import type { Draft, Palette, Shape, SymbolInfo } from "./records";

interface Handlers {
  /** Another shape was typed. */
  onShape(shape: Shape): void;
  /** Colour or name is another: the map shows it at once. */
  onLook(): void;
  onPhotograph(file: File): void;
  onSave(): void;
  onCancel(): void;
}

/** The words of an annotation in hand. */
export class AnnotationForm {
  readonly element: HTMLElement;
  private readonly title = h("input", { name: "title", maxlength: 120, oninput: () => this.look() });
  private readonly text = h("textarea", { name: "text", rows: 2, maxlength: 2000 });
  private readonly keywords = h("input", { name: "keywords", placeholder: t("用空格分开，如：化工 泄漏") });
  private readonly at = h("input", { name: "happened_at", type: "datetime-local", step: 60 });
  private readonly colours = h("div", { class: "annotate-swatches", role: "radiogroup", "aria-label": t("颜色") });
  private readonly subject = h("div", { class: "chosen" });
  private readonly shared = h("div", { class: "chosen" });
  private readonly photo = h("div", { class: "photo" });
  private readonly hint = h("p", { class: "hint quiet", role: "status" });
  private readonly save = h("button", { type: "button", class: "tool strong", "data-action": "save", onclick: () => this.handlers.onSave() }, t("保存"));
  private readonly coordinates: Coordinates;
  private readonly exact: HTMLDetailsElement;
  private draft: Draft | null = null;

  constructor(
    private readonly palette: Palette,
    private readonly api: AnnotateApi,
    private readonly clock: Clock,
    private readonly handlers: Handlers,
  ) {
    this.coordinates = new Coordinates(api, palette.datums, (shape) => this.typed(shape));
    this.exact = h("details", { class: "section", ontoggle: () => this.exact.open && void this.coordinates.write() }, h("summary", {}, t("精确坐标")), this.coordinates.element);
    const subjects = new Choosing("subject", t("查预警、对象、区域…"), async (text, signal) => {
      const found = await api.subjects(text, signal);
      return found.map((each) => ({ title: each.title, note: each.kind_name, value: each }));
    }, ({ value }) => this.change((draft) => (draft.subject = { kind: value.kind, key: value.key, title: value.title })));
    const organizations = new Choosing("organization", t("查单位名称…"), async (text, signal) => {
      const found = await api.organizations(text, signal);
      return found.map((each) => ({ title: each.name, note: "", value: each }));
    }, ({ value }) => this.change((draft) => (draft.organizations = [...draft.organizations.filter(({ id }) => id !== value.id), value])));
    const file = h("input", { type: "file", name: "photograph", accept: "image/jpeg,image/png,image/webp", class: "unseen", onchange: () => this.picked(file) });
    this.element = h(
      "form",
      { class: "annotate-form", onsubmit: (event) => { event.preventDefault(); this.handlers.onSave(); } },
      this.hint,
      field(t("名称"), this.title), this.colours, field(t("说明"), this.text), field(t("关键词"), this.keywords), field(t("所述时间"), this.at),
      h("div", { class: "field" }, h("span", {}, t("对应对象")), this.subject, subjects.element),
      h("div", { class: "field" }, h("span", {}, t("照片")), this.photo, h("label", { class: "tool file" }, t("选择照片…"), file)),
      h("details", { class: "section" }, h("summary", {}, t("共享给单位")), this.shared, organizations.element, h("p", { class: "quiet" }, t("企业只能看到共享给它的标绘。"))),
      this.exact,
      h("div", { class: "annotate-actions" }, this.save, h("button", { type: "button", class: "tool", "data-action": "cancel", onclick: () => this.handlers.onCancel() }, t("取消"))),
    );
  }

  /** Shows one in hand. */
  show(draft: Draft, symbol: SymbolInfo): void {
    this.draft = draft;
    this.title.value = draft.title;
    this.title.placeholder = draft.kind === "text" ? t("标在图上的文字") : symbol.name;
    this.text.value = draft.text;
    this.keywords.value = draft.keywords.join(" ");
    this.at.value = this.clock.field(draft.happened_at === null ? this.clock.now() : Date.parse(draft.happened_at));
    this.exact.open = false;
    const picked = draft.colour || symbol.colour;
    this.colours.replaceChildren(
      ...this.palette.colours.map(({ key, name }) =>
        h("button", {
          type: "button", role: "radio", class: "annotate-swatch", "data-colour": key, title: name, "aria-label": name, "aria-checked": String(key === picked),
          onclick: () => this.change((each) => (each.colour = key)),
        }),
      ),
    );
    this.shape(draft.shape);
    this.choices();
  }

  /** The shape in hand is another. */
  shape(shape: Shape | null): void {
    this.coordinates.show(shape as Geometry | null, true);
    this.save.disabled = shape === null;
  }

  /** Says what is to be done, or what went wrong. */
  say(text: string, isFault = false): void {
    setText(this.hint, text);
    this.hint.classList.toggle("fault", isFault);
  }

  /** What was typed, into the one in hand. */
  read(): void {
    const { draft } = this;
    if (draft === null) return;
    draft.title = this.title.value.trim();
    draft.text = this.text.value.trim();
    draft.keywords = this.keywords.value.split(/[\s,，、;；]+/).filter((word) => word !== "");
    draft.happened_at = this.at.value === "" ? null : new Date(this.clock.fromField(this.at.value)).toISOString();
  }

  /** The first field, for the next thing that is typed. */
  focus(): void {
    if (window.matchMedia("(pointer: fine)").matches) this.title.focus();
  }

  private look(): void {
    this.read();
    this.handlers.onLook();
  }

  private change(work: (draft: Draft) => void): void {
    const { draft } = this;
    if (draft === null) return;
    this.read();
    work(draft);
    for (const swatch of this.colours.children) swatch.setAttribute("aria-checked", String(swatch.getAttribute("data-colour") === draft.colour));
    this.choices();
    this.handlers.onLook();
  }

  private choices(): void {
    const { draft } = this;
    if (draft === null) return;
    const { subject, organizations, photograph } = draft;
    this.subject.replaceChildren(subject === null ? h("span", { class: "quiet" }, t("无")) : chip(subject.title, () => this.change((each) => (each.subject = null))));
    this.shared.replaceChildren(
      ...organizations.map(({ id, name }) => chip(name, () => this.change((each) => (each.organizations = each.organizations.filter((other) => other.id !== id))))),
    );
    this.photo.replaceChildren(photograph === null ? "" : h("img", { src: this.api.photographAddress(photograph, true), alt: t("照片") }));
  }

  private typed(shape: Geometry): void {
    if (shape.type === "Point" || shape.type === "LineString" || shape.type === "Polygon") this.handlers.onShape(shape);
    else this.say(t("一个标绘只能有一个图形：请去掉空行。"), true);
  }

  private picked(input: HTMLInputElement): void {
    const [file] = input.files ?? [];
    input.value = "";
    if (file !== undefined) {
      this.read();
      this.handlers.onPhotograph(file);
    }
  }
}

function field(title: string, input: HTMLElement): HTMLElement {
  return h("label", { class: "field" }, h("span", {}, title), input);
}

function chip(text: string, onRemove: () => void): HTMLElement {
  return h("span", { class: "chip" }, text, h("button", { type: "button", "aria-label": t("去掉"), onclick: onRemove }, "×"));
}
