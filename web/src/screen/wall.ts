import { h, setText } from "../dom";
import type { Clock } from "../time";
import { t } from "../words";
import { type AlertBook, type AlertState, GRADES, type Group, SIGNS } from "./alerts";

/** What fits on a wall and can still be read. */
const MOST_ROWS = 100;

interface Row {
  element: HTMLElement;
  age: HTMLElement;
  told: string;
  raised_ms: number;
}

export function stateName(state: AlertState): string {
  switch (state) {
    case "raised":
      return t("待确认");
    case "acknowledged":
      return t("处置中");
    case "disposed":
      return t("待核验");
    case "verified":
      return t("已核验");
    case "closed":
      return t("已关闭");
  }
}

/** The alert column: first what nobody has looked at, then what is in hand; the newest on top. */
export class Wall {
  readonly element: HTMLElement;
  /** How many there are of each grade; belongs into the panel's title line. */
  readonly summary: HTMLElement;
  private readonly grades = new Map<number, HTMLElement>();
  private readonly waiting = h("ol", { class: "alerts waiting-alerts" });
  private readonly inHand = h("ol", { class: "alerts" });
  private readonly waitingTitle = h("h3", {});
  private readonly inHandTitle = h("h3", {});
  private readonly empty = h("p", { class: "empty" });
  private readonly more = h("p", { class: "empty", hidden: true });
  private readonly rows = new Map<string, Row>();

  /** @param onPick called with the id of the alert that was chosen */
  constructor(
    private readonly clock: Clock,
    private readonly onPick: (id: number) => void,
  ) {
    const counts = GRADES.map((grade) => {
      const count = h("span", { class: "grade-count", "data-grade": grade });
      this.grades.set(grade, count);
      return count;
    });
    this.summary = h("span", { class: "grade-counts", role: "status", "aria-label": t("各级预警数") }, ...counts);
    this.element = h(
      "div",
      { class: "wall" },
      this.empty, this.waitingTitle, this.waiting, this.inHandTitle, this.inHand, this.more,
    );
    setText(this.empty, t("正在读取预警…"));
  }

  update(book: AlertBook, district: string, selected: number | null): void {
    const alerts = book.list(district);
    const groups = book.groups(alerts);
    const waiting = groups.filter(({ alerts: own }) => own.some(({ state }) => state === "raised"));
    const inHand = groups.filter((group) => !waiting.includes(group));
    const counts = book.counts(district);
    for (const grade of GRADES) {
      const element = this.grades.get(grade);
      if (element === undefined) continue;
      setText(element, `${SIGNS[grade]} ${counts[grade]}`);
      element.classList.toggle("none", counts[grade] === 0);
    }
    this.empty.hidden = groups.length > 0;
    setText(this.empty, t("没有未办结的预警。规则判定异常时，预警会立即出现在这里。"));
    this.title(this.waitingTitle, t("待确认 {n}", { n: waiting.length }), waiting.length);
    this.title(this.inHandTitle, t("处置中 {n}", { n: inHand.length }), inHand.length);
    const kept = new Set<string>();
    this.fill(this.waiting, waiting.slice(0, MOST_ROWS), selected, kept);
    this.fill(this.inHand, inHand.slice(0, MOST_ROWS), selected, kept);
    for (const key of this.rows.keys()) if (!kept.has(key)) this.rows.delete(key);
    const left = groups.length - kept.size;
    this.more.hidden = left === 0 && !book.isTruncated;
    setText(this.more, t("还有更多预警未列出，可按区下钻查看。"));
  }

  /** Lets ages tick. */
  tick(): void {
    for (const { age, raised_ms } of this.rows.values()) setText(age, this.clock.ago(raised_ms));
  }

  private title(element: HTMLElement, text: string, count: number): void {
    setText(element, text);
    element.hidden = count === 0;
  }

  private fill(list: HTMLElement, groups: readonly Group[], selected: number | null, kept: Set<string>): void {
    const elements = groups.map((group) => {
      kept.add(group.key);
      return this.row(group, group.alerts.some(({ id }) => id === selected));
    });
    // Only what is not where it belongs is moved: a focused row keeps the focus.
    elements.forEach((element, i) => {
      if (list.children[i] !== element) list.insertBefore(element, list.children[i] ?? null);
    });
    while (list.children.length > elements.length) list.lastElementChild?.remove();
  }

  private row(group: Group, isChosen: boolean): HTMLElement {
    const { head, alerts } = group;
    let row = this.rows.get(group.key);
    if (row === undefined) {
      row = { element: h("li", { class: "alert" }), age: h("time", { class: "age" }), told: "", raised_ms: 0 };
      this.rows.set(group.key, row);
    }
    const told = JSON.stringify([group.grade, alerts.map(({ id, step }) => [id, step]), isChosen]);
    if (row.told === told) return row.element;
    row.told = told;
    row.raised_ms = Date.parse(head.raised_at);
    const { element, age } = row;
    setText(age, this.clock.ago(row.raised_ms));
    element.dataset.grade = String(group.grade);
    element.classList.toggle("chosen", isChosen);
    const place = [head.region?.name, head.area?.name].filter((name) => name && name !== head.subject).join(" · ");
    element.replaceChildren(
      h(
        "button",
        { type: "button", class: "alert-row", "data-alert": head.id, onclick: () => this.onPick(head.id) },
        h("span", { class: "grade-sign", title: head.grade_name }, SIGNS[group.grade], h("span", { class: "unseen" }, head.grade_name)),
        h("span", { class: "alert-title" }, head.title, alerts.length > 1 ? h("span", { class: "times" }, `×${alerts.length}`) : null),
        age,
        h("span", { class: "alert-who" }, head.subject),
        h("span", { class: "alert-state" }, head.escalated_at !== null ? t("超时") : stateName(head.state)),
        h("span", { class: "alert-place quiet" }, place),
      ),
    );
    return element;
  }
}
