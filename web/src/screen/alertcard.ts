import { h, setText } from "../dom";
import { distanceText } from "../map/card";
import type { Clock } from "../time";
import type { NearCamera } from "../video/api";
import { keyFrame } from "../video/findings/keyframe";
import { recordingsOfAlert } from "../video/recordings/address";
import { t } from "../words";
import type { Alert, AlertWhole, Fact } from "./alerts";
import { SIGNS } from "./alerts";
import type { Person, ScreenApi } from "./api";
import { happened } from "./happened";
import { stateName } from "./wall";

/** Actions that ask for words. */
const WITH_TEXT = new Set(["dispose", "return"]);

interface Handlers {
  onClose(): void;
  /** The subject's name was clicked. */
  onAsset(id: number): void;
  /** The cameras around its place, degrees, are wanted, and opened: those of the thing it is about first. */
  onCameras(lon: number, lat: number, about: number | null): Promise<readonly NearCamera[]>;
  /** The others of its group that are open, which the column shows as one line with it. */
  othersOf(alert: Alert): readonly Alert[];
  /** Another one of the group was chosen. */
  onOther(id: number): void;
  /** Something was done to the alert: this is what it has become. */
  onChanged(alert: AlertWhole): void;
}

/** A value in words. */
export function valueText(value: unknown): string {
  if (value === null || value === undefined || value === "") return "—";
  if (typeof value === "boolean") return value ? t("是") : t("否");
  if (typeof value === "number") return value.toLocaleString("en-US", { maximumFractionDigits: 2 });
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** A camera that was opened: how far it is, and whether it looks there. */
function nearCamera({ name, online, distance_m, covers }: NearCamera): HTMLElement {
  const facts = [distanceText(distance_m), covers ? t("看得到现场") : "", online ? "" : t("离线")].filter((fact) => fact !== "");
  return h("li", { class: covers ? "covers" : "" }, name, h("span", { class: "quiet" }, facts.join(" · ")));
}

/** The chosen alert: what it rests on, what was done, and what may be done now. */
export class AlertCard {
  readonly element: HTMLElement;
  private readonly sign = h("span", { class: "grade-sign" });
  private readonly title = h("h2", { tabindex: "-1" });
  private readonly subtitle = h("p", { class: "quiet" });
  private readonly body = h("div", { class: "alert-body" });
  private readonly problem = h("p", { class: "problem", role: "alert", hidden: true });
  private readonly actions = h("div", { class: "actions" });
  private readonly age = h("span", { class: "age" });
  private id: number | null = null;
  private whole: AlertWhole | null = null;
  private before: Element | null = null;

  constructor(
    private readonly api: ScreenApi,
    private readonly clock: Clock,
    private readonly handlers: Handlers,
  ) {
    this.element = h(
      "aside",
      { class: "panel card alert-card", "aria-label": t("预警详情"), inert: true },
      h(
        "div",
        { class: "card-head" },
        this.sign,
        h("div", { class: "card-title" }, this.title, this.subtitle),
        h("button", { type: "button", class: "close", "aria-label": t("关闭"), title: "Esc", onclick: () => handlers.onClose() }, "×"),
      ),
      h("div", { class: "panel-body" }, this.problem, this.body),
      this.actions,
    );
  }

  get isOpen(): boolean {
    return this.id !== null;
  }

  /** Opens and reads the alert; again: reads it anew. */
  async open(id: number): Promise<AlertWhole | null> {
    if (!this.isOpen) this.before = document.activeElement;
    const isOther = this.id !== id;
    this.id = id;
    if (isOther) {
      this.whole = null;
      this.problem.hidden = true;
      setText(this.title, t("读取中…"));
      setText(this.subtitle, "");
      setText(this.sign, "");
      this.body.replaceChildren();
      this.actions.replaceChildren();
      this.element.classList.add("open", "waiting");
      this.element.inert = false;
      this.title.focus({ preventScroll: true });
    }
    try {
      const whole = await this.api.alert(id);
      if (this.id !== id) return null;
      this.show(whole);
      return whole;
    } catch (error) {
      if (this.id === id) this.fail(t("预警读取失败：{what}。", { what: happened(error) }));
      return null;
    }
  }

  /** Reads the shown alert anew when it has moved on. */
  refresh(step: number): void {
    if (this.id !== null && this.whole !== null && step > this.whole.step) void this.open(this.id);
  }

  close(): void {
    if (!this.isOpen) return;
    this.id = this.whole = null;
    this.element.classList.remove("open", "waiting");
    this.element.inert = true;
    if (this.before instanceof HTMLElement) this.before.focus({ preventScroll: true });
  }

  tick(): void {
    if (this.whole !== null) setText(this.age, this.clock.ago(Date.parse(this.whole.raised_at)));
  }

  private show(whole: AlertWhole): void {
    const wasWriting = this.actions.contains(document.activeElement);
    this.whole = whole;
    this.element.classList.remove("waiting");
    this.element.dataset.grade = String(whole.grade);
    this.problem.hidden = true;
    setText(this.sign, SIGNS[whole.grade]);
    setText(this.title, whole.title);
    setText(this.subtitle, `${whole.grade_name} · ${stateName(whole.state)}${whole.escalated_at === null ? "" : ` · ${t("超时")}`}`);
    this.tick();
    const texts: [string, Node | string | null][] = [
      [t("对象"), this.subject(whole)],
      [t("区域"), whole.area === null ? null : `${whole.area.name} · ${t("第 {n} 版", { n: whole.area.version })}`],
      [t("所属单位"), whole.owner?.name ?? null],
      [t("所在区域"), whole.region?.name ?? null],
      [t("发生时间"), h("span", {}, this.at(whole.raised_at), " · ", this.age)],
      [t("起因消除"), whole.cause_ended_at === null ? t("仍在持续") : this.at(whole.cause_ended_at)],
      [t("处置时限"), whole.due_at === null ? null : this.at(whole.due_at)],
      [t("指派给"), whole.assigned_to?.name ?? null],
      [t("处置反馈"), whole.feedback || null],
    ];
    const rows = texts.flatMap(([name, value]) => (value === null ? [] : [h("dt", {}, name), h("dd", {}, value)]));
    this.body.replaceChildren(
      whole.picture === null ? "" : h("a", { href: "/video/findings/", title: t("识别结果") }, keyFrame(whole.picture)),
      h("dl", {}, ...rows),
      whole.advice ? h("p", { class: "advice" }, whole.advice) : "",
      h(
        "div",
        { class: "seen" },
        this.cameras(whole),
        h("a", { class: "link", href: recordingsOfAlert(whole.id, Date.parse(whole.raised_at)) }, t("附近摄像机的录像")),
      ),
      ...this.facts(t("判定依据"), whole.evidence),
      ...this.facts(t("规则参数（第 {n} 版）", { n: whole.rule_version }), whole.parameters),
      ...this.others(whole),
      h("h3", {}, t("处置记录")),
      h("ol", { class: "steps" }, ...whole.steps.map((step) => this.step(step))),
    );
    this.showActions(whole);
    if (wasWriting) this.title.focus({ preventScroll: true });
  }

  private subject({ asset, subject }: AlertWhole): Node | string {
    if (asset === null) return subject;
    const open = h("button", { type: "button", class: "link", onclick: () => this.handlers.onAsset(asset.id) }, subject);
    // The code stands in most names already.
    const code = subject.includes(asset.code) ? "" : ` ${asset.code}`;
    return h("span", {}, open, ` ${asset.kind_name}${code}`);
  }

  private cameras({ lon, lat, asset }: AlertWhole): Node | string {
    if (lon === null || lat === null) return "";
    const list = h("ul", { class: "near-cameras" });
    const show = async (): Promise<void> => {
      try {
        const cameras = await this.handlers.onCameras(lon, lat, asset?.id ?? null);
        if (cameras.length === 0) this.fail(t("两公里内没有摄像机。"));
        list.replaceChildren(...cameras.map(nearCamera));
      } catch (error) {
        this.fail(t("摄像机列表读取失败：{what}。", { what: happened(error) }));
      }
    };
    return h("div", {}, h("button", { type: "button", class: "link", "data-action": "cameras", onclick: () => void show() }, t("看附近摄像机")), list);
  }

  private others(whole: AlertWhole): Node[] {
    const others = this.handlers.othersOf(whole);
    if (others.length === 0) return [];
    const lines = others.map(({ id, raised_at, subject, state }) =>
      h(
        "li",
        {},
        h("span", { class: "quiet" }, this.clock.time(Date.parse(raised_at))),
        h("button", { type: "button", class: "link", onclick: () => this.handlers.onOther(id) }, subject),
        h("span", {}, stateName(state)),
      ),
    );
    return [h("h3", {}, t("同组的其他 {n} 条", { n: others.length })), h("ol", { class: "steps" }, ...lines)];
  }

  private facts(title: string, facts: readonly Fact[]): Node[] {
    if (facts.length === 0) return [];
    const rows = facts.flatMap((fact) => [
      h("dt", {}, fact.title),
      h("dd", {}, `${valueText(fact.value)}${fact.unit ? ` ${fact.unit}` : ""}`),
    ]);
    return [h("h3", {}, title), h("dl", {}, ...rows)];
  }

  private step({ at, action_name, by, text }: AlertWhole["steps"][number]): HTMLElement {
    return h(
      "li",
      {},
      h("span", { class: "quiet" }, this.clock.time(Date.parse(at))),
      h("strong", {}, action_name),
      h("span", {}, by),
      text ? h("p", {}, text) : null,
    );
  }

  private at(time: string): string {
    const ms = Date.parse(time);
    return `${this.clock.date(ms)} ${this.clock.time(ms)}`;
  }

  private showActions(whole: AlertWhole): void {
    if (whole.actions.length === 0) {
      const isOver = whole.state === "closed";
      this.actions.replaceChildren(h("p", { class: "quiet" }, isOver ? t("该预警已关闭。") : t("您目前没有可对该预警进行的操作。")));
      return;
    }
    const text = h("textarea", { rows: 2, maxlength: 2000, "aria-label": t("处置反馈"), placeholder: t("处置情况或退回原因") });
    const needsText = whole.actions.some(({ key }) => WITH_TEXT.has(key));
    const buttons = whole.actions
      .filter(({ key }) => key !== "assign")
      // What leads on comes first and stands out; sending back is the exception.
      .sort((a, b) => Number(a.key === "return") - Number(b.key === "return"))
      .map(({ key, name }, i) =>
        h(
          "button",
          {
            type: "button", class: i === 0 ? "action main" : "action", "data-action": key,
            onclick: () => void this.act(key, WITH_TEXT.has(key) ? { text: text.value } : {}),
          },
          name,
        ),
      );
    const assign = whole.actions.find(({ key }) => key === "assign");
    this.actions.replaceChildren(
      needsText ? text : "",
      h("div", { class: "action-row" }, ...buttons, assign === undefined ? null : this.assigning(whole.id, assign.name)),
    );
  }

  /** A list of people that is read when somebody opens it. */
  private assigning(id: number, name: string): HTMLElement {
    const list = h("select", { class: "action", "aria-label": name }, h("option", { value: "" }, `${name}…`));
    const read = async (): Promise<void> => {
      try {
        const { users } = await this.api.assignees(id);
        if (users.length === 0) this.fail(t("没有可指派的人员。"));
        list.append(...users.map((user: Person) => h("option", { value: user.id }, user.name)));
      } catch (error) {
        this.fail(t("人员读取失败：{what}。", { what: happened(error) }));
      }
    };
    list.addEventListener("focus", () => void read(), { once: true });
    list.addEventListener("change", () => void this.act("assign", { assign_to: Number(list.value) }));
    return list;
  }

  private async act(action: string, said: { text?: string; assign_to?: number }): Promise<void> {
    const { id } = this;
    if (id === null) return;
    for (const button of this.actions.querySelectorAll("button")) button.disabled = true;
    try {
      const whole = await this.api.act(id, action, said);
      this.handlers.onChanged(whole);
      if (this.id === id) this.show(whole);
    } catch (error) {
      if (this.id === id) this.fail(t("没有办成：{what}", { what: happened(error) }));
      for (const button of this.actions.querySelectorAll("button")) button.disabled = false;
    }
  }

  private fail(text: string): void {
    this.element.classList.remove("waiting");
    this.problem.hidden = false;
    setText(this.problem, text);
    this.problem.scrollIntoView({ block: "nearest" });
  }
}
