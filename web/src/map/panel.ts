import { h, setText } from "../dom";
import type { Tally } from "../live/tallies";
import type { Kind } from "../live/messages";
import type { Look } from "../live/store";
import { t } from "../words";
import { glyphPicture } from "./glyphs";

const PARTS = ["working", "calm", "alert", "silent"] as const;
type Part = (typeof PARTS)[number];

/** The look that stands for a part of the counts: what is merely there is drawn as idle. */
const PART_LOOK: Readonly<Record<Part, Look>> = { working: "working", calm: "idle", alert: "alert", silent: "silent" };

function partName(part: Part): string {
  switch (part) {
    case "working":
      return t("作业中");
    case "calm":
      return t("待机/关机");
    case "alert":
      return t("告警");
    case "silent":
      return t("静默");
  }
}

interface Row {
  total: HTMLElement;
  parts: Record<Part, { bar: HTMLElement; count: HTMLElement; item: HTMLElement }>;
}

/** The left panel: what there is, by kind and state, with a switch per kind. */
export class KindPanel {
  readonly element: HTMLElement;
  readonly hidden = new Set<number>();
  private readonly list = h("ul", { class: "kinds" });
  private readonly scope = h("p", { class: "quiet scope" });
  private readonly empty: HTMLElement;
  private readonly rows = new Map<number, Row>();

  /**
   * @param colours of each look
   * @param onToggle called after a kind was switched on or off
   */
  constructor(
    private readonly colours: Readonly<Record<Look, string>>,
    private readonly glyphSize: number,
    private readonly onToggle: () => void,
  ) {
    this.empty = h(
      "p",
      { class: "empty", hidden: true },
      t("这里还没有对象。终端登记并上报位置后，会按类别出现在这里；若已有终端在线，请移动或缩小地图。"),
    );
    const body = h("div", { class: "panel-body", id: "kinds-body" }, this.scope, this.list, this.empty, this.legend());
    const fold = h(
      "button",
      {
        type: "button", class: "fold", "aria-expanded": "true", "aria-controls": "kinds-body",
        onclick: () => this.fold(fold, fold.getAttribute("aria-expanded") === "true"),
      },
      h("h2", {}, t("图上对象")),
      h("span", { class: "fold-sign", "aria-hidden": "true" }),
    );
    this.element = h("aside", { class: "panel kinds-panel", "aria-label": t("图上对象") }, fold, body);
    // On a phone the map comes first.
    if (window.matchMedia("(max-width: 640px)").matches) this.fold(fold, true);
  }

  get isFolded(): boolean {
    return this.element.classList.contains("folded");
  }

  /** Shows the kinds of a greeting. */
  declare(kinds: readonly Kind[]): void {
    this.rows.clear();
    this.list.replaceChildren(...kinds.map((kind) => this.row(kind)));
  }

  /** Shows counts per kind (by code). */
  update(tallies: ReadonlyMap<number, Tally>, isSummed: boolean): void {
    let sum = 0;
    for (const [code, tally] of tallies) {
      sum += tally.total;
      const row = this.rows.get(code);
      if (row === undefined) continue;
      setText(row.total, tally.total.toLocaleString("en-US"));
      for (const part of PARTS) {
        const { bar, count, item } = row.parts[part];
        setText(count, tally[part].toLocaleString("en-US"));
        item.classList.toggle("none", tally[part] === 0);
        bar.hidden = tally[part] === 0;
        bar.style.flexGrow = String(tally[part]);
      }
    }
    const text = isSummed ? t("视野内 {n} 个，放大后逐个显示", { n: sum }) : t("视野内 {n} 个", { n: sum });
    setText(this.scope, text);
    this.empty.hidden = sum > 0;
  }

  private fold(button: HTMLElement, isFolded: boolean): void {
    button.setAttribute("aria-expanded", String(!isFolded));
    this.element.classList.toggle("folded", isFolded);
  }

  private row(kind: Kind): HTMLElement {
    const box = h("input", {
      type: "checkbox",
      checked: !this.hidden.has(kind.code),
      onchange: () => {
        if (box.checked) this.hidden.delete(kind.code);
        else this.hidden.add(kind.code);
        this.onToggle();
      },
    });
    const total = h("span", { class: "total" }, "0");
    const bars = h("div", { class: "bar", "aria-hidden": "true" });
    const counts = h("ul", { class: "parts" });
    const parts = {} as Row["parts"];
    for (const part of PARTS) {
      const bar = h("span", { class: `part ${part}` });
      const count = h("span", { class: "count" }, "0");
      const item = h(
        "li",
        { title: partName(part), class: `part-count ${part}` },
        glyphPicture(kind.glyph, PART_LOOK[part], this.colours[PART_LOOK[part]], this.glyphSize * 0.8),
        h("span", { class: "unseen" }, partName(part)),
        count,
      );
      bars.append(bar);
      counts.append(item);
      parts[part] = { bar, count, item };
    }
    this.rows.set(kind.code, { total, parts });
    return h(
      "li",
      { class: "kind" },
      h(
        "label",
        {},
        box,
        glyphPicture(kind.glyph, "working", this.colours.working, this.glyphSize * 1.3),
        h("span", { class: "name" }, kind.name),
        total,
      ),
      bars,
      counts,
    );
  }

  private legend(): HTMLElement {
    const looks: [Look, string][] = [
      ["working", t("作业中")],
      ["idle", t("待机")],
      ["alert", t("告警")],
      ["silent", t("静默")],
      ["off", t("关机")],
    ];
    return h(
      "ul",
      { class: "legend", "aria-label": t("图例") },
      ...looks.map(([look, name]) => h("li", {}, glyphPicture("dot", look, this.colours[look], this.glyphSize), name)),
    );
  }
}
