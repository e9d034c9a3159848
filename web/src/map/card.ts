import type { AssetDetail } from "../api";
import { h, setText } from "../dom";
import type { Kind } from "../live/messages";
import type { Look } from "../live/store";
import type { Clock } from "../time";
import { t } from "../words";
import { attributeText } from "./attributes";
import { glyphPicture } from "./glyphs";

/** What the card shows of the present: from the live frames, or from the API while the thing is not in view. */
export interface CardState {
  look: Look;
  lon: number;
  lat: number;
  /** Metres, m/s, degrees; null unknown. */
  alt_m: number | null;
  speed_m_s: number | null;
  heading_deg: number | null;
  /** Milliseconds since 1970 UTC. */
  time_ms: number;
}

const UNKNOWN = "—";

export function lookName(look: Look): string {
  switch (look) {
    case "idle":
      return t("待机");
    case "working":
      return t("作业中");
    case "alert":
      return t("告警");
    case "off":
      return t("关机");
    case "silent":
      return t("静默");
  }
}

/** Eight-point compass name of a heading in degrees. */
export function compass(heading_deg: number): string {
  const names = [t("北"), t("东北"), t("东"), t("东南"), t("南"), t("西南"), t("西"), t("西北")];
  return names[Math.round((((heading_deg % 360) + 360) % 360) / 45) % 8];
}

/** `12.4 公里/时`; slow things with a decimal. */
export function speedText(speed_m_s: number | null): string {
  if (speed_m_s === null || Number.isNaN(speed_m_s)) return UNKNOWN;
  const kmh = speed_m_s * 3.6;
  return t("{n} 公里/时", { n: kmh.toFixed(kmh < 20 ? 1 : 0) });
}

/** `620 米` or `3.4 公里`. */
export function distanceText(metres: number): string {
  if (metres < 1000) return t("{n} 米", { n: Math.round(metres) });
  return t("{n} 公里", { n: (metres / 1000).toFixed(metres < 100_000 ? 1 : 0) });
}

/** What a page adds to the card. */
interface Additions {
  /** Below what is known of the thing. */
  facts: Node;
  /** Below the track. */
  more: Node;
  /** Reported values that are told there already. */
  isTold(attribute: string): boolean;
}

/** The selected thing's card; slides in on the right. */
export class Card {
  readonly element: HTMLElement;
  /** What can be done with the thing; filled by whoever knows. */
  readonly actions = h("div");
  private readonly title = h("h2", { tabindex: "-1" });
  private readonly subtitle = h("p", { class: "quiet" });
  private readonly picture = h("span", { class: "card-glyph" });
  private readonly sign = h("span", { class: "card-sign" });
  private readonly look = h("strong");
  private readonly age = h("span", { class: "age" });
  private readonly at = h("span", { class: "quiet at" });
  private readonly facts = h("dl");
  private readonly attrs = h("dl", { class: "attrs" });
  private readonly attrsTitle = h("h3", {}, t("上报属性"));
  private readonly trackText = h("p");
  private readonly problem = h("p", { class: "problem", role: "alert", hidden: true });
  private readonly values = new Map<string, HTMLElement>();
  private glyph = "dot";
  private shownLook = "";
  private before: Element | null = null;

  constructor(
    private readonly colours: Readonly<Record<Look, string>>,
    private readonly glyphSize: number,
    private readonly clock: Clock,
    onClose: () => void,
    private readonly additions: Additions | null = null,
  ) {
    const facts: [string, string][] = [
      ["owner", t("所属单位")],
      ["region", t("所在区域")],
      ["speed", t("速度")],
      ["heading", t("航向")],
      ["height", t("高度")],
      ["place", t("经纬度")],
    ];
    for (const [key, name] of facts) {
      const value = h("dd");
      this.values.set(key, value);
      this.facts.append(h("dt", {}, name), value);
    }
    this.element = h(
      "aside",
      { class: "panel card", "aria-label": t("对象卡片"), inert: true },
      h(
        "div",
        { class: "card-head" },
        this.picture,
        h("div", { class: "card-title" }, this.title, this.subtitle),
        h("button", { type: "button", class: "close", "aria-label": t("关闭"), title: "Esc", onclick: onClose }, "×"),
      ),
      h(
        "div",
        { class: "panel-body" },
        h("p", { class: "card-state" }, this.sign, this.look, this.age, this.at),
        this.problem,
        this.actions,
        this.facts,
        additions?.facts,
        this.attrsTitle,
        this.attrs,
        h("h3", {}, additions === null ? t("近 1 小时轨迹") : t("今日轨迹")),
        this.trackText,
        additions?.more,
      ),
    );
  }

  get isOpen(): boolean {
    return this.element.classList.contains("open");
  }

  /** Opens empty while the details are read. */
  open(kind: Kind | undefined): void {
    if (!this.isOpen) this.before = document.activeElement;
    this.glyph = kind?.glyph ?? "dot";
    this.shownLook = "";
    this.element.classList.add("open", "waiting");
    this.element.inert = false;
    this.problem.hidden = true;
    setText(this.title, kind?.name ?? t("读取中…"));
    setText(this.subtitle, "");
    for (const value of this.values.values()) setText(value, UNKNOWN);
    this.showAttrs({});
    setText(this.trackText, t("读取中…"));
    this.title.focus({ preventScroll: true });
  }

  close(): void {
    if (!this.isOpen) return;
    this.element.classList.remove("open", "waiting");
    this.element.inert = true;
    if (this.before instanceof HTMLElement) this.before.focus({ preventScroll: true });
  }

  showDetail(detail: AssetDetail, kind: Kind | undefined): void {
    this.element.classList.remove("waiting");
    this.problem.hidden = true;
    if (kind !== undefined && kind.glyph !== this.glyph) {
      this.glyph = kind.glyph;
      this.shownLook = "";
    }
    setText(this.title, detail.name || detail.code);
    setText(this.subtitle, `${kind?.name ?? detail.kind} · ${detail.code}`);
    this.setValue("owner", detail.owner?.name ?? UNKNOWN);
    this.setValue("region", detail.region?.name ?? UNKNOWN);
    this.showAttrs(detail.state?.attrs ?? {});
  }

  /** Shows the present state; to be called whenever it changes and each second, for the age ticks. */
  showState(state: CardState): void {
    const name = lookName(state.look);
    if (this.shownLook !== state.look) {
      this.shownLook = state.look;
      this.picture.replaceChildren(glyphPicture(this.glyph, state.look, this.colours[state.look], this.glyphSize));
      // The same sign as in the legend: the word's colour never stands alone.
      this.sign.replaceChildren(glyphPicture("dot", state.look, this.colours[state.look], this.glyphSize * 0.4));
      this.element.dataset.look = state.look;
    }
    setText(this.look, name);
    setText(this.age, this.clock.ago(state.time_ms));
    setText(this.at, t("{time} 上报", { time: this.clock.time(state.time_ms) }));
    this.setValue("speed", speedText(state.speed_m_s));
    const { heading_deg: heading, alt_m: height } = state;
    this.setValue("heading", heading === null || Number.isNaN(heading) ? UNKNOWN : `${compass(heading)} ${Math.round(heading)}°`);
    this.setValue("height", height === null || Number.isNaN(height) ? UNKNOWN : t("{n} 米", { n: height.toFixed(1) }));
    this.setValue("place", `${state.lon.toFixed(5)}°, ${state.lat.toFixed(5)}°`);
  }

  /** A thing that has never reported. */
  showNoState(): void {
    this.sign.replaceChildren();
    setText(this.look, t("从未上报"));
    setText(this.age, "");
    setText(this.at, "");
  }

  /** @param stays how often it stayed somewhere; null: not told of here */
  showTrack(length_m: number, points: number, isTruncated: boolean, stays: number | null = null): void {
    const none = this.additions === null ? t("这一小时内没有上报位置。") : t("今天还没有上报位置。");
    if (points === 0) setText(this.trackText, none);
    else {
      const known = t("{length} · {n} 个位置", { length: distanceText(length_m), n: points.toLocaleString("en-US") });
      const text = stays === null ? known : `${known} · ${t("停留 {n} 次", { n: stays })}`;
      setText(this.trackText, isTruncated ? `${text} · ${t("位置过多，只显示最近一段")}` : text);
    }
  }

  showTrackProblem(text: string): void {
    setText(this.trackText, text);
  }

  showProblem(text: string): void {
    this.element.classList.remove("waiting");
    this.problem.hidden = false;
    setText(this.problem, text);
  }

  private setValue(key: string, text: string): void {
    const element = this.values.get(key);
    if (element !== undefined) setText(element, text);
  }

  private showAttrs(attrs: Record<string, unknown>): void {
    const entries = Object.entries(attrs).filter(([key]) => this.additions?.isTold(key) !== true);
    const texts = entries.map(([key, value]) => attributeText(key, value));
    this.attrs.replaceChildren(...texts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
    this.attrsTitle.hidden = entries.length === 0;
  }
}
