import { h, setText } from "../dom";
import type { Clock } from "../time";
import { t } from "../words";
import type { Action, Area, Draft, PlanApi } from "./api";
import type { PlanBoot } from "./boot";
import { Coordinates } from "./coordinates";
import type { Editor } from "./editor";
import { Form } from "./form";
import type { Geometry, Point } from "./geometry";
import type { Compared } from "./overlay";
import { Periods } from "./periods";
import { Rehearsal } from "./rehearsal";
import { Versions } from "./versions";
import type { Fields } from "./work";

type Tab = "form" | "coordinates" | "periods" | "rehearsal" | "versions" | "steps";

interface Handlers {
  onChange(changed: Partial<Fields>): void;
  onShape(shape: Geometry): void;
  onVersion(version: Area): void;
  onCompare(compared: Compared | null): void;
  onSpots(spots: readonly Point[]): void;
  onSave(): void;
  onAction(action: Action): void;
  onClose(): void;
  onOpenArea(id: number): void;
}

/** What is open. */
interface Open {
  draft: Draft | null;
  area: Area | null;
  editor: Editor;
}

/** The right-hand side: everything about what is open. */
export class Panel {
  readonly element: HTMLElement;
  private readonly title = h("h2", {});
  private readonly state = h("p", { class: "quiet" });
  private readonly foot = h("div", { class: "foot" });
  private readonly form: Form;
  private readonly coordinates: Coordinates;
  private readonly periods: Periods;
  private readonly rehearsal: Rehearsal;
  private readonly versions: Versions;
  private readonly steps = h("div", { class: "pane-body" });
  private readonly tabs = new Map<Tab, HTMLElement>();
  private readonly panes: Record<Tab, HTMLElement>;
  private footKey = "";

  constructor(
    api: PlanApi,
    private readonly clock: Clock,
    boot: PlanBoot,
    private readonly handlers: Handlers,
  ) {
    this.form = new Form(api, boot.kinds, (changed) => handlers.onChange(changed));
    this.coordinates = new Coordinates(api, boot.datums, (shape) => handlers.onShape(shape));
    this.periods = new Periods(api, (periods, periods_text) => handlers.onChange({ periods, periods_text }));
    this.rehearsal = new Rehearsal(api, (spots) => handlers.onSpots(spots));
    this.versions = new Versions(api, clock, boot.kinds, (compared) => handlers.onCompare(compared), (version) => handlers.onVersion(version));
    this.panes = {
      form: this.form.element, coordinates: this.coordinates.element, periods: this.periods.element,
      rehearsal: this.rehearsal.element, versions: this.versions.element, steps: this.steps,
    };
    const names: [Tab, string][] = [
      ["form", t("属性")], ["coordinates", t("坐标")], ["periods", t("时段")], ["rehearsal", t("预演")], ["versions", t("版本")], ["steps", t("流转")],
    ];
    for (const [tab, name] of names) {
      this.tabs.set(tab, h("button", { type: "button", role: "tab", "data-tab": tab, onclick: () => this.turn(tab) }, name));
    }
    this.element = h(
      "section",
      { class: "pane panel", "aria-label": t("区域详情"), hidden: true },
      h(
        "div", { class: "panel-head" }, this.title,
        h("button", { type: "button", class: "close", "aria-label": t("关闭"), onclick: () => handlers.onClose() }, "✕"),
      ),
      this.state,
      h("div", { class: "pane-tabs", role: "tablist" }, ...this.tabs.values()),
      ...Object.values(this.panes),
      this.foot,
    );
    this.turn("form");
  }

  turn(tab: Tab): void {
    for (const [name, element] of this.tabs) element.setAttribute("aria-selected", String(name === tab));
    for (const [name, pane] of Object.entries(this.panes)) pane.hidden = name !== tab;
    if (tab === "coordinates") void this.coordinates.write();
    if (tab === "rehearsal") void this.rehearsal.open();
  }

  show(open: Open | null): void {
    this.element.hidden = open === null;
    if (open === null) {
      this.versions.show(null, 0, null);
      this.rehearsal.forget();
      return;
    }
    const { draft, area, editor } = open;
    const { fields, canChange } = editor;
    setText(this.title, fields.name || t("新区域"));
    setText(this.state, this.stateText(open));
    const about = draft?.area ?? area?.id ?? null;
    this.form.show(fields, editor.measure, canChange, about !== null);
    this.coordinates.show(fields.shape, canChange);
    this.periods.show(fields.periods, canChange);
    this.rehearsal.show(fields, about);
    this.versions.show(about, draft?.made_version ?? draft?.base_version ?? area?.version ?? 0, fields);
    this.drawSteps(draft);
    this.drawFoot(open);
  }

  private stateText({ draft, area, editor }: Open): string {
    const unsaved = editor.isDirty ? t("有未保存的修改") : "";
    const parts =
      draft !== null
        ? [draft.state_name, draft.region, draft.created_by, unsaved]
        : area !== null
          ? [t("现有区域 第 {n} 版", { n: area.version }), area.region, editor.canChange ? "" : t("只能查看"), unsaved]
          : [t("新区域"), unsaved];
    return parts.filter((part) => part !== "").join(" · ");
  }

  private drawSteps(draft: Draft | null): void {
    const steps = draft?.steps ?? [];
    this.steps.replaceChildren(
      steps.length === 0
        ? h("p", { class: "quiet" }, t("还没有保存过。"))
        : h(
            "ol", { class: "steps" },
            ...steps.map(({ action_name, by, at, text }) =>
              h("li", {}, h("strong", {}, action_name), " ", by, h("span", { class: "quiet" }, ` ${this.clock.dayAndMinute(Date.parse(at))}`), text === "" ? null : h("p", {}, text)),
            ),
          ),
    );
  }

  private drawFoot({ draft, editor }: Open): void {
    // What was never saved is saved by submitting it.
    const actions = draft?.actions ?? (editor.canChange && editor.isDirty ? (["submit"] as const) : []);
    const key = JSON.stringify([actions, editor.canChange, editor.isDirty, draft?.state, draft?.area]);
    if (key === this.footKey) return;
    this.footKey = key;
    const names: Record<Action, string> = {
      submit: t("提交批准"), withdraw: t("撤回"), approve: t("批准并生效"), activate: t("生效"), return: t("退回"), discard: t("作废"),
    };
    const buttons = (Object.keys(names) as Action[])
      .filter((action) => (actions as readonly string[]).includes(action))
      .map((action) =>
        h(
          "button",
          { type: "button", "data-action": action, class: action === "submit" || action === "approve" || action === "activate" ? "strong" : "", onclick: () => this.handlers.onAction(action) },
          names[action],
        ),
      );
    const save = editor.canChange
      ? h("button", { type: "button", "data-action": "save", disabled: !editor.isDirty && draft !== null, onclick: () => this.handlers.onSave() }, t("保存草稿"))
      : null;
    const change = draft?.state === "active" && draft.area !== null
      ? h("button", { type: "button", onclick: () => draft.area !== null && this.handlers.onOpenArea(draft.area) }, t("打开生效的区域"))
      : null;
    this.foot.replaceChildren(...[save, ...buttons, change].filter((button) => button !== null));
  }
}
