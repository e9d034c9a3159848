import { h, setText } from "../../dom";
import { SIGNS } from "../../screen/alerts";
import type { Clock } from "../../time";
import { t } from "../../words";
import type { Finding } from "./api";
import { keyFrame } from "./keyframe";

/** One finding: its picture, what, how sure, where and when, and what a person says of it. */
export class FindingCard {
  readonly element = h("article", { class: "finding" });
  private readonly state = h("span", { class: "verdict" });
  private readonly lasted = h("p", { class: "quiet" });
  private readonly buttons = h("div", { class: "action-row" });

  constructor(
    finding: Finding,
    private readonly clock: Clock,
    private readonly onJudge: (verdict: "confirmed" | "rejected") => Promise<void>,
  ) {
    const where = finding.channel?.name ?? finding.upload?.name ?? "";
    const frame = keyFrame(finding);
    const open = h("button", { type: "button", class: "enlarge", title: t("放大"), "aria-label": t("放大") }, frame);
    open.addEventListener("click", () => this.element.classList.toggle("large"));
    const action = (verdict: "confirmed" | "rejected", text: string, style: string): HTMLElement =>
      h("button", { type: "button", class: style, "data-verdict": verdict, onclick: () => void this.judge(verdict) }, text);
    this.buttons.append(action("confirmed", t("属实"), "action main"), action("rejected", t("误报"), "action"));
    const watch = finding.channel === null ? null : h("a", { class: "link", href: `/video/#${finding.channel.id}` }, t("看实时"));
    this.element.dataset.grade = String(finding.grade);
    this.element.dataset.finding = String(finding.id);
    this.element.append(
      open,
      h(
        "div",
        { class: "told" },
        h("h3", {}, h("span", { class: "grade-sign" }, SIGNS[finding.grade]), ` ${finding.label} `, h("span", { class: "sure" }, `${(finding.confidence * 100).toFixed(0)}%`), this.state),
        h("p", {}, where, " ", watch),
        this.lasted,
        this.buttons,
      ),
    );
    this.set(finding);
  }

  /** What is known of it now. */
  set(finding: Finding): void {
    const at = (time: string): string => `${this.clock.date(Date.parse(time))} ${this.clock.time(Date.parse(time))}`;
    const until = finding.ended ? this.clock.time(Date.parse(finding.last_at)) : t("仍在持续");
    setText(this.lasted, `${at(finding.taken_at)} — ${until} · ${finding.analyser_name}`);
    setText(this.state, finding.verdict === "open" ? "" : `${finding.verdict_name} ${finding.verdict_by}`);
    this.element.dataset.verdict = finding.verdict;
    this.buttons.hidden = !finding.may_judge;
  }

  /** A person has said so. */
  judged(verdict: "confirmed" | "rejected"): void {
    this.element.dataset.verdict = verdict;
    setText(this.state, verdict === "confirmed" ? t("属实") : t("误报"));
  }

  private async judge(verdict: "confirmed" | "rejected"): Promise<void> {
    const buttons = [...this.buttons.querySelectorAll("button")];
    for (const button of buttons) button.disabled = true;
    await this.onJudge(verdict).catch(() => undefined);
    for (const button of buttons) button.disabled = false;
  }
}
