import type { AssetDetail } from "../api";
import { h, setText } from "../dom";
import type { Clock } from "../time";
import { t } from "../words";
import { valueText } from "./alertcard";
import { type Alert, SIGNS } from "./alerts";
import type { ScreenApi } from "./api";
import { happened } from "./happened";
import type { CardField, LayerInfo } from "./layerinfo";
import { stateName } from "./wall";

/** Alerts of one thing that a card has room for. */
const MOST_ALERTS = 8;
const REGISTER = "register.";
const REPORTED = "state.attrs.";

/** What the wall's card tells of the selected thing beside its state: what its module knows of it, and its alerts. */
export class Dossier {
  readonly facts = h("div", { class: "dossier" });
  readonly more = h("div", { class: "dossier-alerts" });
  private readonly list = h("dl", { class: "attrs" });
  private readonly title = h("h3", {}, t("档案"));
  private readonly alerts = h("ol", { class: "alerts" });
  private readonly alertsText = h("p", { class: "quiet" });
  private readonly ages: { age: HTMLElement; at: number }[] = [];
  private layer: LayerInfo | null = null;
  private id: number | null = null;
  private registered: Record<string, unknown> = {};
  private detail: AssetDetail | null = null;

  /**
   * @param layerOf the layer whose card is shown for a kind (by its key); undefined: no module is about it
   * @param onAlert called with the id of the alert that was chosen
   */
  constructor(
    private readonly api: ScreenApi,
    private readonly clock: Clock,
    private readonly layerOf: (kind: string) => LayerInfo | undefined,
    private readonly onAlert: (id: number) => void,
  ) {
    this.facts.append(this.title, this.list);
    this.more.append(h("h3", {}, t("相关预警")), this.alertsText, this.alerts);
  }

  /** Whether a reported value is among what the module tells. */
  readonly isTold = (attribute: string): boolean => this.fields().some(({ field }) => field === `${REPORTED}${attribute}`);

  /** Takes another thing; null: none. */
  open(id: number | null): void {
    if (id === this.id) return;
    this.id = id;
    this.layer = null;
    this.registered = {};
    this.detail = null;
    this.show();
    this.alerts.replaceChildren();
    this.ages.length = 0;
    setText(this.alertsText, t("读取中…"));
    if (id !== null) void this.readAlerts(id);
  }

  /** The thing's details have been read (anew). */
  tell(detail: AssetDetail): void {
    const isFirst = this.detail === null;
    this.detail = detail;
    this.layer = this.layerOf(detail.kind) ?? null;
    this.show();
    if (isFirst) void this.readRegister(detail.id);
  }

  /** An alert has come or moved on. */
  hear(alert: Alert): void {
    if (this.id !== null && alert.asset?.id === this.id) void this.readAlerts(this.id);
  }

  tick(): void {
    for (const { age, at } of this.ages) setText(age, this.clock.ago(at));
  }

  /** What the module's card has beyond what every card has. */
  private fields(): CardField[] {
    return (this.layer?.card ?? []).filter(({ field }) => field.startsWith(REGISTER) || field.startsWith(REPORTED));
  }

  private show(): void {
    const attrs = this.detail?.state?.attrs ?? {};
    const rows = this.fields().flatMap(({ field, title, unit }) => {
      const isReported = field.startsWith(REPORTED);
      const value = isReported ? attrs[field.slice(REPORTED.length)] : this.registered[field];
      // What this thing does not report, or its register does not hold, is no news.
      if (value === undefined || value === null || value === "") return [];
      return [h("dt", {}, title), h("dd", {}, unit ? `${valueText(value)} ${unit}` : valueText(value))];
    });
    this.list.replaceChildren(...rows);
    this.facts.hidden = rows.length === 0;
  }

  private async readRegister(id: number): Promise<void> {
    const { layer } = this;
    if (layer === null || !layer.card.some(({ field }) => field.startsWith(REGISTER))) return;
    try {
      const registered = await this.api.registered(layer.id, id);
      if (this.id !== id) return;
      this.registered = registered;
      this.show();
    } catch (error) {
      if (this.id !== id) return;
      this.facts.hidden = false;
      this.list.replaceChildren(h("dd", { class: "problem" }, t("登记信息读取失败：{what}。", { what: happened(error) })));
    }
  }

  private async readAlerts(id: number): Promise<void> {
    try {
      const alerts = await this.api.alertsOf(id, MOST_ALERTS);
      if (this.id === id) this.showAlerts(alerts);
    } catch (error) {
      if (this.id === id) setText(this.alertsText, t("预警读取失败：{what}。", { what: happened(error) }));
    }
  }

  private showAlerts(alerts: readonly Alert[]): void {
    this.ages.length = 0;
    const open = alerts.filter(({ state }) => state !== "closed");
    const rest = alerts.filter(({ state }) => state === "closed");
    setText(this.alertsText, alerts.length === 0 ? t("没有与它有关的预警。") : t("未办结 {n}", { n: open.length }));
    this.alerts.replaceChildren(...[...open, ...rest].map((alert) => this.row(alert)));
  }

  private row(alert: Alert): HTMLElement {
    const at = Date.parse(alert.raised_at);
    const age = h("time", { class: "age" }, this.clock.ago(at));
    this.ages.push({ age, at });
    const sign = h("span", { class: "grade-sign", title: alert.grade_name }, SIGNS[alert.grade], h("span", { class: "unseen" }, alert.grade_name));
    const row = h(
      "button",
      { type: "button", class: "alert-row", "data-alert": alert.id, onclick: () => this.onAlert(alert.id) },
      sign,
      h("span", { class: "alert-title" }, alert.title),
      age,
      h("span", { class: "alert-who quiet" }, alert.area?.name ?? alert.region?.name ?? ""),
      h("span", { class: "alert-state" }, stateName(alert.state)),
    );
    return h("li", { class: alert.state === "closed" ? "alert over" : "alert", "data-grade": alert.grade }, row);
  }
}
