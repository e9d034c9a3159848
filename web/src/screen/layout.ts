import { h } from "../dom";
import { t } from "../words";
import { Bottom, type Fold } from "./bottom";
import type { Free } from "./scenery";
import { Side } from "./side";
import { type Folding, asPanel } from "./stage";

interface Parts {
  topline: HTMLElement;
  notices: HTMLElement;
  /** Each side: what stands in its title line, and below. */
  left: [beside: HTMLElement, ...body: HTMLElement[]];
  right: [beside: HTMLElement, ...body: HTMLElement[]];
  /** The charts of the day, and what is to happen when they are opened or closed. */
  charts: HTMLElement;
  onCharts(isOpen: boolean): void;
  /** The bar of the foot. */
  time: HTMLElement;
  /** Hangs from the top line while the map shows the past. */
  flag: HTMLElement;
  /** What slides over all that. */
  cards: HTMLElement[];
}

/** Where things stand on the screen: the map edge to edge, and around it what folds away. */
export class Layout {
  readonly ground = h("main", { class: "ground", "aria-label": t("地图") });
  /** What a scene folds, by name. */
  readonly panels: ReadonlyMap<string, Folding>;
  private readonly bottom = new Bottom(t("时间"));
  private readonly left: Side;
  private readonly right: Side;

  /** @param scale enlarges the margins on a wall */
  constructor(
    root: HTMLElement,
    private readonly parts: Parts,
    private readonly scale: number,
  ) {
    this.left = new Side("what-there-is", t("态势"), ...parts.left);
    this.right = new Side("what-is-wrong", t("预警"), ...parts.right);
    // The column tells of now, whatever moment the map shows, and says so.
    this.right.element.querySelector("h2")?.setAttribute("data-present", t("实时"));
    const charts = this.fold("day", t("24 小时"), parts.charts, (isOpen) => parts.onCharts(isOpen));
    this.panels = new Map<string, Folding>([["what-there-is", this.left], ["what-is-wrong", this.right], ["day", asPanel(charts)]]);
    charts.open(window.innerHeight >= 900);
    this.bottom.add(parts.time);
    root.replaceChildren(
      this.ground, parts.topline, parts.notices, this.bottom.element, parts.flag, this.left.element, this.right.element, ...parts.cards,
    );
  }

  /** Adds a part to the foot that unfolds; closed at first. */
  fold(name: string, title: string, body: Node, onOpen?: (isOpen: boolean) => void): Fold {
    return this.bottom.fold(name, title, body, onOpen);
  }

  /** Calls whenever what stands around the map has become larger or smaller. */
  onRoom(then: () => void): void {
    const observer = new ResizeObserver(then);
    for (const element of [this.bottom.element, this.parts.charts]) observer.observe(element);
  }

  /** Room the panels leave, so that what is flown to comes to stand between them. */
  free(): Free {
    const edge = 24 * this.scale;
    const top = this.parts.topline.getBoundingClientRect().bottom;
    const bottom = this.bottom.element.getBoundingClientRect().top;
    const stands = (side: Side): DOMRect | null => (side.isFolded ? null : side.element.getBoundingClientRect());
    let left = stands(this.left)?.right ?? 0;
    let right = stands(this.right)?.left ?? window.innerWidth;
    for (const chart of this.beside(bottom)) {
      if (chart.left < window.innerWidth / 2) left = Math.max(left, chart.right);
      else right = Math.min(right, chart.left);
    }
    return { left: left + edge, right: window.innerWidth - right + edge, top: top + edge, bottom: window.innerHeight - bottom + edge };
  }

  /** Charts that stand beside the map, not in the foot: style sheets put them there on a very wide wall. */
  private beside(foot: number): DOMRect[] {
    const charts = [...this.parts.charts.querySelectorAll(".chart")].map((chart) => chart.getBoundingClientRect());
    return charts.filter(({ top, width }) => width > 0 && top < foot);
  }
}
