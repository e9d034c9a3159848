import { h, setText } from "../../dom";
import { happened } from "../../screen/happened";
import { t } from "../../words";
import type { Mark, RecordingsApi } from "./api";

interface Handlers {
  /** The moment shown; null: nothing is. */
  at(): number | null;
  onChosen(span: [number, number] | null): void;
  /** Marks or orders have changed. */
  onChanged(): void;
  onSeek(at: number): void;
  say(text: string): void;
  /** Another way to load a stretch down, which says in `said` how far it is; null: the platform cuts its own. */
  load: ((channel: number, from: number, to: number, said: HTMLElement) => Promise<void>) | null;
  timeText(at: number): string;
}

const MIB = 1 << 20;

/** What is done with a stretch: from here, to there, downloaded or bound; and the marks that are in view. */
export class Tools {
  readonly element: HTMLElement;
  private channel: number | null = null;
  private from: number | null = null;
  private to: number | null = null;
  private byHand = false;
  private readonly spanText = h("p", { class: "span-text quiet" });
  private readonly cutText = h("p", { class: "cut-text", role: "status" });
  private readonly list = h("ul", { class: "marks" });
  private readonly kind = h(
    "select",
    { "aria-label": t("关联类型") },
    h("option", { value: "note" }, t("仅标记")),
    h("option", { value: "case" }, t("案件")),
    h("option", { value: "ticket" }, t("工单")),
    h("option", { value: "alert" }, t("预警")),
  );
  private readonly number = h("input", { type: "text", maxlength: 64, placeholder: t("编号"), "aria-label": t("编号") });
  private readonly words = h("input", { type: "text", maxlength: 200, placeholder: t("说明"), "aria-label": t("说明") });
  private readonly record = h("button", { type: "button", class: "action", onclick: () => void this.toggle() });
  private readonly binding: HTMLElement;

  constructor(
    private readonly api: RecordingsApi,
    private readonly handlers: Handlers,
  ) {
    const button = (text: string, act: () => void, more = ""): HTMLElement =>
      h("button", { type: "button", class: `action ${more}`, onclick: act }, text);
    this.binding = h(
      "div",
      { class: "binding" },
      h("h3", {}, t("标记与关联")),
      h("p", { class: "quiet" }, t("关联到编号的录像会一直保留，直到解除关联。")),
      h("div", { class: "row" }, this.kind, this.number),
      this.words,
      button(t("保存标记"), () => void this.bind()),
      this.record,
    );
    this.element = h(
      "section",
      { class: "tools" },
      h("h3", {}, t("截取")),
      h("div", { class: "row" }, button(t("设为起点"), () => this.set("from")), button(t("设为终点"), () => this.set("to"))),
      this.spanText,
      h("div", { class: "row" }, button(t("下载截取"), () => void this.cut(), "main"), button(t("清除"), () => this.clear())),
      this.cutText,
      this.binding,
      h("h3", {}, t("本段标记")),
      this.list,
    );
    this.element.hidden = true; // until there is a camera to record, or to cut from
    this.clear();
  }

  open(channel: number): void {
    this.channel = channel;
    this.element.hidden = false;
    this.clear();
  }

  tell(marks: readonly Mark[], mayHandle: boolean, byHand: boolean): void {
    this.binding.hidden = !mayHandle;
    this.byHand = byHand;
    setText(this.record, byHand ? t("停止人工录像") : t("开始人工录像"));
    this.record.classList.toggle("on", byHand);
    this.list.replaceChildren(
      ...(marks.length === 0 ? [h("li", { class: "quiet" }, t("这段时间没有标记。"))] : marks.map((mark) => this.row(mark, mayHandle))),
    );
  }

  private row(mark: Mark, mayHandle: boolean): HTMLElement {
    const name = [mark.kind_name, mark.number].filter((word) => word !== "").join(" ");
    const { id } = mark;
    const canRelease = mayHandle && id !== null && (mark.holds || mark.kind === "note");
    return h(
      "li",
      { "data-kind": mark.kind },
      h("button", { type: "button", class: "link", onclick: () => this.handlers.onSeek(mark.from) }, name),
      h("span", { class: "quiet" }, this.handlers.timeText(mark.from)),
      mark.text ? h("span", { class: "mark-text" }, mark.text) : null,
      mark.by ? h("span", { class: "quiet" }, mark.by) : null,
      canRelease
        ? h("button", { type: "button", class: "link quiet", onclick: () => void this.act(this.api.release(id)) }, mark.holds ? t("解除关联") : t("删除"))
        : null,
    );
  }

  private set(edge: "from" | "to"): void {
    const at = this.handlers.at();
    if (at === null) return;
    this[edge] = at;
    if (this.from !== null && this.to !== null && this.from > this.to) [this.from, this.to] = [this.to, this.from];
    this.showSpan();
  }

  private clear(): void {
    this.from = this.to = null;
    setText(this.cutText, "");
    this.showSpan();
  }

  private showSpan(): void {
    const { from, to } = this;
    const name = (at: number | null): string => (at === null ? "—" : this.handlers.timeText(at));
    setText(this.spanText, from === null && to === null ? t("播放到要截取的地方，设起点和终点。") : `${name(from)} → ${name(to)}`);
    this.handlers.onChosen(from !== null && to !== null ? [from, to] : null);
  }

  private async cut(): Promise<void> {
    const { channel, from, to } = this;
    if (channel === null || from === null || to === null || from === to) {
      this.handlers.say(t("请先设起点和终点。"));
      return;
    }
    const { load } = this.handlers;
    if (load !== null) {
      const said = h("span");
      this.cutText.replaceChildren(said);
      await load(channel, from, to, said);
      return;
    }
    setText(this.cutText, t("正在计算…"));
    try {
      const cut = await this.api.cut(channel, from, to);
      const link = h("a", { href: cut.href, class: "action main", download: true }, t("下载（{size} MB）", { size: (cut.size / MIB).toFixed(1) }));
      this.cutText.replaceChildren(
        h("span", {}, t("不转码，从前一个关键帧开始：{from} → {to}", { from: this.handlers.timeText(cut.from), to: this.handlers.timeText(cut.to) })),
        ...(cut.holes.length > 0 ? [h("span", { class: "warn" }, t("中间有 {n} 处没有录像，已接在一起。", { n: cut.holes.length }))] : []),
        h("code", {}, `SHA-256 ${cut.sha256}`),
        link,
      );
    } catch (error) {
      setText(this.cutText, t("没有办成：{what}", { what: happened(error) }));
    }
  }

  private async bind(): Promise<void> {
    const at = this.handlers.at();
    const from = this.from ?? at;
    if (this.channel === null || from === null) return;
    const mark = { kind: this.kind.value as Mark["kind"], number: this.number.value, text: this.words.value, from, to: this.to ?? from };
    await this.act(this.api.mark(this.channel, mark));
  }

  private async toggle(): Promise<void> {
    if (this.channel === null) return;
    const { channel } = this;
    if (this.byHand) await this.act(this.api.stop(channel));
    else if (this.words.value.trim() === "") {
      this.handlers.say(t("请在“说明”中填写录像的原因。"));
      this.words.focus();
    } else await this.act(this.api.start(channel, this.words.value));
  }

  private async act(doing: Promise<void>): Promise<void> {
    try {
      await doing;
      this.words.value = "";
      this.handlers.onChanged();
    } catch (error) {
      this.handlers.say(t("没有办成：{what}", { what: happened(error) }));
    }
  }
}
