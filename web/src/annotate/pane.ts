import { h, setText } from "../dom";
import type { Clock } from "../time";
import type { Tokens } from "../tokens";
import { t } from "../words";
import { symbolPicture } from "./glyphs";
import { fillsOf } from "./layers";
import type { Annotation, Palette, Question, SymbolInfo } from "./records";

interface Handlers {
  onSymbol(symbol: SymbolInfo): void;
  /** Freely, or point by point. */
  onFree(isFree: boolean): void;
  onShown(isShown: boolean): void;
  onQuestion(): void;
  /** Whether the map shows only what is asked for has changed. */
  onOnlyThese(): void;
  onMore(): void;
  onRow(annotation: Annotation): void;
  onExport(): void;
  onClose(): void;
}

const TYPED_MS = 300;
const MOST_ROWS = 2_000;

/** The panel of annotations: palette, list with its search; or the one that is looked at or in hand. */
export class AnnotatePane {
  readonly element: HTMLElement;
  readonly isOnlyHere: HTMLInputElement;
  private readonly symbols = new Map<string, HTMLButtonElement>();
  private readonly palette = h("div", { class: "annotate-palette" });
  private readonly hint = h("p", { class: "hint quiet", role: "status" });
  private readonly rows = h("ul", { class: "annotate-rows" });
  private readonly total = h("span", { class: "total quiet" });
  private readonly home: HTMLElement;
  private readonly single = h("div", { class: "annotate-single", hidden: true });
  private readonly finish = h("button", { type: "button", class: "tool", "data-action": "stop", hidden: true }, t("放下"));
  private readonly fields: Record<"q" | "author" | "since" | "until", HTMLInputElement>;
  private readonly isHidden: HTMLInputElement;
  private readonly onlyThese: HTMLInputElement;
  private readonly cutNote = h("p", { class: "hint quiet", "data-part": "cut", hidden: true });
  private readonly inks: { fills: Record<string, string>; ink: string; edge: string };
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    tokens: Tokens,
    private readonly scale: number,
    private readonly clock: Clock,
    private readonly handlers: Handlers,
    onStop: () => void,
  ) {
    this.inks = { fills: fillsOf(tokens), ink: tokens.ground, edge: tokens.ground };
    this.finish.addEventListener("click", onStop);
    const asked = (): void => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => handlers.onQuestion(), TYPED_MS);
    };
    const input = (name: string, type: string, title: string): HTMLInputElement => h("input", { name, type, placeholder: title, "aria-label": title, oninput: asked });
    const check = (name: string, onchange: () => void, isChecked = false): HTMLInputElement => h("input", { type: "checkbox", name, checked: isChecked, onchange });
    this.fields = { q: input("q", "search", t("查名称、说明、关键词")), author: input("author", "search", t("标绘人")), since: input("since", "date", t("从")), until: input("until", "date", t("到")) };
    this.isOnlyHere = check("here", asked);
    this.isHidden = check("hidden", asked);
    this.onlyThese = check("these", () => handlers.onOnlyThese());
    const shown = check("shown", () => handlers.onShown(shown.checked), true);
    this.home = h(
      "div",
      { class: "annotate-home" },
      this.palette,
      h("div", { class: "annotate-hint" }, this.hint, this.finish),
      this.fields.q,
      h(
        "details",
        { class: "section" },
        h("summary", {}, t("更多条件")),
        h("div", { class: "annotate-filters" }, this.fields.author, h("label", {}, t("从"), this.fields.since), h("label", {}, t("到"), this.fields.until)),
        h("label", { class: "check" }, this.isOnlyHere, t("只看当前画面内")),
        h("label", { class: "check" }, this.isHidden, t("只看隐藏的")),
        h("label", { class: "check" }, this.onlyThese, t("图上也只画符合条件的")),
      ),
      h("div", { class: "annotate-list-head" }, this.total, h("button", { type: "button", class: "tool", "data-action": "export", onclick: () => handlers.onExport() }, t("导出 GeoJSON"))),
      this.rows,
    );
    this.element = h(
      "section",
      { class: "panel annotate-pane", "aria-label": t("标绘"), hidden: true },
      h(
        "div",
        { class: "annotate-head" },
        h("h2", {}, t("标绘")),
        h("label", { class: "check" }, shown, t("在图上显示")),
        h("button", { type: "button", class: "close", "aria-label": t("关闭"), onclick: () => handlers.onClose() }, "×"),
      ),
      this.cutNote, this.home, this.single,
    );
  }

  /** Whether the map shows only what is asked for. */
  get isOnlyThese(): boolean {
    return this.onlyThese.checked;
  }

  /** Whether the map does not show all there are. */
  get isCut(): boolean {
    return !this.cutNote.hidden;
  }

  /** Says that the map does not show all there are; "": it does. */
  cut(said: string): void {
    this.cutNote.hidden = said === "";
    setText(this.cutNote, said);
  }

  get isOpen(): boolean {
    return !this.element.hidden;
  }

  open(isOpen: boolean): void {
    this.element.hidden = !isOpen;
  }

  /** What can be drawn is known. */
  offer(palette: Palette): void {
    if (!palette.draws) {
      this.palette.replaceChildren(h("p", { class: "quiet" }, t("您可以查看标绘，不能绘制。需要绘制请联系管理员。")));
      return;
    }
    const groups: [string, SymbolInfo["group"]][] = [[t("基本"), "basic"], [t("指挥符号"), "command"]];
    const free = h("input", { type: "checkbox", name: "free", onchange: () => this.handlers.onFree(free.checked) });
    this.palette.replaceChildren(
      ...groups.map(([title, group]) =>
        h(
          "div",
          { class: "symbols", role: "toolbar", "aria-label": title },
          ...palette.symbols.filter((symbol) => symbol.group === group).map((symbol) => this.button(symbol)),
        ),
      ),
      h("label", { class: "check" }, free, t("线和面随手画（不逐点单击）")),
    );
  }

  /** Marks the symbol in hand, and says how it is drawn. */
  take(symbol: SymbolInfo | null, hint: string): void {
    for (const [key, button] of this.symbols) button.setAttribute("aria-pressed", String(key === symbol?.key));
    this.finish.hidden = symbol === null;
    setText(this.hint, hint);
  }

  /** What is asked for, apart from the place. */
  question(): Omit<Question, "bbox"> {
    const day = (text: string, plus: number): string => (text === "" ? "" : String(this.clock.fromField(`${text}T00:00`) + plus));
    const { q, author, since, until } = this.fields;
    return {
      q: q.value.trim(), author: author.value.trim(), kind: "", subject: "", hidden: this.isHidden.checked,
      since: day(since.value, 0), until: day(until.value, 86_399_999),
    };
  }

  /** @param isAll nothing was asked for: these are all there are */
  list(annotations: readonly Annotation[], count: number, palette: Palette, isAll: boolean): void {
    const empty = isAll
      ? palette.draws ? t("还没有标绘。选一个符号，在图上画出来，大家就都能看到。") : t("还没有共享给您的标绘。")
      : t("没有符合条件的标绘。可去掉一些条件再查。");
    setText(this.total, t("共 {n} 条", { n: count }));
    this.rows.replaceChildren(...annotations.map((each) => this.row(each, palette)));
    if (annotations.length === 0) this.rows.append(h("li", { class: "empty" }, empty));
    if (count <= annotations.length) return;
    if (annotations.length >= MOST_ROWS) this.rows.append(h("li", { class: "quiet" }, t("只列出最近 {n} 条，其余请用条件查找。", { n: annotations.length })));
    else this.rows.append(h("li", {}, h("button", { type: "button", class: "tool", "data-action": "more", onclick: () => this.handlers.onMore() }, t("再列出一些"))));
  }

  fail(what: string): void {
    this.rows.replaceChildren(h("li", { class: "fault" }, what));
  }

  /** Shows one of them instead of the list; null: the list. */
  show(element: HTMLElement | null): void {
    this.home.hidden = element !== null;
    this.single.hidden = element === null;
    this.single.replaceChildren(...(element === null ? [] : [element]));
    this.element.scrollTop = 0;
  }

  private button(symbol: SymbolInfo): HTMLButtonElement {
    const button = h(
      "button",
      { type: "button", class: "symbol", "data-symbol": symbol.key, "aria-pressed": "false", onclick: () => this.handlers.onSymbol(symbol) },
      symbolPicture(symbol, symbol.colour, this.inks, 30 * this.scale),
      h("span", {}, symbol.name),
    );
    this.symbols.set(symbol.key, button);
    return button;
  }

  private row(annotation: Annotation, palette: Palette): HTMLElement {
    const symbol = palette.symbols.find(({ key }) => key === annotation.kind);
    const note = [annotation.author?.name, this.clock.ago(Date.parse(annotation.changed_at ?? annotation.happened_at)), annotation.subject?.title];
    return h(
      "li",
      {},
      h(
        "button",
        { type: "button", class: "annotate-row", "data-id": annotation.id, onclick: () => this.handlers.onRow(annotation) },
        symbol === undefined ? null : symbolPicture(symbol, annotation.colour || symbol.colour, this.inks, 26 * this.scale),
        h("span", { class: "name" }, annotation.title || symbol?.name || annotation.kind),
        annotation.locked ? h("span", { class: "mark" }, t("已锁定")) : null,
        annotation.hidden ? h("span", { class: "mark" }, t("已隐藏")) : null,
        h("span", { class: "annotate-note quiet" }, note.filter(Boolean).join(" · ")),
      ),
    );
  }
}
