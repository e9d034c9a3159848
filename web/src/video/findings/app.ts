import { ApiError } from "../../api";
import { type Boot, signIn } from "../../boot";
import { h, setText } from "../../dom";
import { happened } from "../../screen/happened";
import { Clock } from "../../time";
import { t } from "../../words";
import { type AnalyserInfo, type Finding, FindingsApi } from "./api";
import { FindingCard } from "./card";

const READ_MS = 5000;

/** The findings' page: what machines saw, the newest first, to be confirmed or rejected; beside it who looks, and how well. */
export class FindingsApp {
  private readonly api: FindingsApi;
  private readonly clock: Clock;
  private readonly cards = new Map<number, FindingCard>();
  private readonly grid = h("div", { class: "finding-grid" });
  private readonly empty = h("p", { class: "quiet empty", hidden: true });
  private readonly problem = h("p", { class: "problem", role: "alert", hidden: true });
  private readonly more = h("button", { type: "button", class: "action", hidden: true, onclick: () => void this.readMore() }, t("更早的"));
  private readonly analysers = h("ul", { class: "analysers" });
  private readonly verdict = h("select", { "aria-label": t("结论") });
  private readonly analyser = h("select", { "aria-label": t("分析器") });
  private reading = 0;

  constructor(
    private readonly root: HTMLElement,
    private readonly boot: Boot,
  ) {
    this.api = new FindingsApi(boot.urls.video, boot.csrf);
    this.clock = new Clock(boot.language, boot.time_zone);
  }

  async start(): Promise<void> {
    const verdicts = [["open", t("待核实")], ["", t("全部结论")], ["confirmed", t("属实")], ["rejected", t("误报")]] as const;
    this.verdict.append(...verdicts.map(([value, name]) => h("option", { value }, name)));
    this.analyser.append(h("option", { value: "" }, t("全部分析器")));
    for (const select of [this.verdict, this.analyser]) select.addEventListener("change", () => void this.begin());
    this.root.replaceChildren(
      h(
        "div",
        { class: "findings" },
        h("header", { class: "page-top" }, h("a", { href: "/", class: "link" }, t("地图")), h("a", { href: "/video/", class: "link" }, t("视频墙")), h("h1", {}, t("识别结果")), this.verdict, this.analyser),
        h("main", {}, this.problem, this.empty, this.grid, this.more),
        h(
          "aside",
          { "aria-label": t("分析器") },
          h("h2", {}, t("分析器")),
          this.analysers,
          h("p", { class: "quiet" }, t("由程序识别，可能有误，以人工确认为准。误报会按分析器计数。")),
        ),
      ),
    );
    await this.begin();
    window.setInterval(() => void this.read(), READ_MS);
  }

  private async begin(): Promise<void> {
    this.cards.clear();
    this.grid.replaceChildren();
    this.more.hidden = true;
    await this.read();
  }

  /** Reads what is new; pictures that are shown stay. */
  private async read(): Promise<void> {
    const reading = ++this.reading;
    try {
      const [{ findings, truncated }, analysers] = await Promise.all([this.api.findings(this.wanted(), null), this.api.analysers()]);
      if (reading !== this.reading) return;
      this.problem.hidden = true;
      const isFirst = this.cards.size === 0;
      this.show(findings);
      if (isFirst) this.more.hidden = !truncated;
      this.showAnalysers(analysers);
    } catch (error) {
      if (reading === this.reading) this.fail(error);
    }
  }

  private async readMore(): Promise<void> {
    const wanted = this.wanted();
    try {
      const { findings, truncated } = await this.api.findings(wanted, Math.min(...this.cards.keys()));
      const { verdict, analyser } = this.wanted();
      if (verdict !== wanted.verdict || analyser !== wanted.analyser) return; // others are looked at by now
      this.show(findings);
      this.more.hidden = !truncated;
    } catch (error) {
      this.fail(error);
    }
  }

  private wanted(): { verdict: string; analyser: string } {
    return { verdict: this.verdict.value, analyser: this.analyser.value };
  }

  private show(findings: readonly Finding[]): void {
    for (const finding of findings) {
      const card = this.cards.get(finding.id);
      if (card === undefined) {
        this.cards.set(finding.id, new FindingCard(finding, this.clock, (verdict) => this.judge(finding.id, verdict)));
      } else card.set(finding);
    }
    const shown = [...this.cards.keys()].sort((a, b) => b - a).flatMap((id) => this.cards.get(id)?.element ?? []);
    shown.forEach((element, at) => {
      if (this.grid.children[at] !== element) this.grid.insertBefore(element, this.grid.children[at] ?? null);
    });
    this.empty.hidden = shown.length > 0;
    setText(this.empty, this.verdict.value === "open" ? t("没有待核实的结果。在管理台的“识别任务”中安排摄像机和分析器，看到的会出现在这里。") : t("没有这样的结果。"));
  }

  private async judge(id: number, verdict: "confirmed" | "rejected"): Promise<void> {
    try {
      await this.api.judge(id, verdict);
      const card = this.cards.get(id);
      card?.judged(verdict);
      void this.read();
    } catch (error) {
      this.fail(error);
      throw error;
    }
  }

  private showAnalysers(analysers: readonly AnalyserInfo[]): void {
    const known = new Set([...this.analyser.options].map(({ value }) => value));
    for (const { key, title } of analysers) if (!known.has(key)) this.analyser.append(h("option", { value: key }, title));
    this.analysers.replaceChildren(
      ...analysers.map((one) => {
        const [state, text] = stateOf(one);
        return h(
          "li",
          { "data-state": state },
          h("strong", {}, one.title),
          h("span", { class: "state" }, text),
          h("span", { class: "quiet" }, t("结果 {findings} · 属实 {confirmed} · 误报 {rejected}", { findings: one.findings, confirmed: one.confirmed, rejected: one.rejected })),
          one.why ? h("span", { class: "why" }, one.why) : null,
        );
      }),
    );
  }

  private fail(error: unknown): void {
    if (error instanceof ApiError && error.isSignedOut) signIn(this.boot.urls);
    this.problem.hidden = false;
    setText(this.problem, t("没有办成：{what}", { what: happened(error) }));
  }
}

/** How an analyser is, and in words. */
function stateOf({ failed, offered, waiting }: AnalyserInfo): [string, string] {
  if (!offered) return ["off", t("已停用")];
  if (failed === null) return ["unknown", t("状态不明：视频接入进程没有应答")];
  if (failed) return ["failed", t("故障，暂不能判断")];
  return ["well", waiting > 0 ? t("正常，{n} 幅排队", { n: waiting }) : t("正常")];
}
