import { h, setText } from "../../dom";
import type { Clock } from "../../time";
import { t } from "../../words";
import { fromField, toField } from "./mapclock";
import { SPEEDS, type Speed } from "./rows";
import { MINUTE_MS, windowOf } from "./window";

/** One click goes so far back from the present. */
const BACK_MS = 10 * MINUTE_MS;
/** A slider at its end, or nearer to now than this, is at the present. */
const NOW_MS = 20_000;

interface Handlers {
  /** A moment was chosen, ms since 1970 UTC. */
  onGo(moment: number): void;
  onPlay(isPlaying: boolean): void;
  onSpeed(speed: Speed): void;
  onPresent(): void;
}

/** What the bar shows. */
export interface BarState {
  /** Ms since 1970 UTC; null: the present. */
  moment: number | null;
  isPlaying: boolean;
  isLoading: boolean;
  speed: Speed;
  /** What is to be said of what is shown: why it is empty, or how it was thinned. */
  remark: string;
}

/** The time bar: where the map stands in time, and what moves it. */
export class TimeBar {
  readonly element: HTMLElement;
  private readonly slider = h("input", { type: "range", class: "past-slider", step: 1000, "aria-label": t("时间轴") });
  private readonly start = h("span", { class: "past-end quiet" });
  private readonly end = h("span", { class: "past-end quiet" });
  private readonly time = h("output", { class: "past-time" });
  private readonly remark = h("span", { class: "past-remark", role: "status" });
  private readonly play: HTMLElement;
  private readonly field: HTMLInputElement;
  private readonly picker: HTMLElement;
  private readonly speeds = new Map<Speed, HTMLElement>();
  private oldest: number | null = null;
  private moment: number | null = null;
  private isPlaying = false;
  private isDragging = false;

  constructor(
    private readonly clock: Clock,
    private readonly timeZone: string,
    private readonly handlers: Handlers,
  ) {
    const button = (name: string, text: string, title: string, onclick: () => void): HTMLButtonElement =>
      h("button", { type: "button", class: `tool ${name}`, title, "aria-label": title, onclick }, text);
    this.play = button("past-play", "▶", t("播放"), () => handlers.onPlay(!this.isPlaying));
    const speeds = SPEEDS.map((speed) => {
      const one = button("past-speed", `${speed}×`, t("{n} 倍速", { n: speed }), () => handlers.onSpeed(speed));
      this.speeds.set(speed, one);
      return one;
    });
    this.field = h("input", { type: "datetime-local", step: 1, class: "past-field", "aria-label": t("时刻") });
    const form = h(
      "form",
      {
        class: "past-picker", hidden: true,
        onsubmit: (event) => {
          event.preventDefault();
          const moment = fromField(this.field.value, this.timeZone);
          this.open(false);
          if (moment !== null) handlers.onGo(moment);
        },
      },
      this.field,
      h("button", { type: "submit", class: "tool" }, t("前往")),
    );
    this.picker = form;
    this.slider.addEventListener("input", () => {
      this.isDragging = true;
      this.tell(Number(this.slider.value));
      if (!this.isAtEnd) handlers.onGo(Number(this.slider.value));
    });
    this.slider.addEventListener("change", () => {
      this.isDragging = false;
      if (this.isAtEnd) handlers.onPresent();
    });
    this.element = h(
      "div",
      { class: "past-bar", "data-time": "present" },
      h("div", { class: "past-scale" }, this.start, this.slider, this.end),
      h(
        "div",
        { class: "past-controls" },
        h(
          "div",
          { class: "past-group in-past" },
          this.play,
          button("past-step", "−1", t("退一分钟（←）"), () => this.step(-1)),
          button("past-step", "+1", t("进一分钟（→）"), () => this.step(1)),
        ),
        h("div", { class: "past-group in-past" }, ...speeds),
        button("past-back in-present", t("回看 10 分钟"), t("从十分钟前看起"), () => handlers.onGo(this.clock.now() - BACK_MS)),
        this.time,
        this.remark,
        h(
          "div",
          { class: "past-group past-when" },
          button("past-choose", t("选时刻"), t("选择任意保存的时刻"), () => this.open(!this.isChoosing)),
          form,
        ),
        button("past-return in-past", t("回到实时"), t("回到实时（Esc）"), () => handlers.onPresent()),
      ),
    );
  }

  /** Says since when something is kept; null: nothing is. */
  keep(oldest: number | null): void {
    this.oldest = oldest;
    this.slider.disabled = oldest === null;
    this.tick();
  }

  /** One minute back (-1) or forth (1). */
  step(direction: 1 | -1): void {
    const moment = (this.moment ?? this.clock.now()) + direction * MINUTE_MS;
    if (moment >= this.clock.now()) this.handlers.onPresent();
    else this.handlers.onGo(moment);
  }

  show({ moment, isPlaying, isLoading, speed, remark }: BarState): void {
    this.moment = moment;
    this.isPlaying = isPlaying;
    const { dataset } = this.element;
    dataset.time = moment === null ? "present" : "past";
    this.element.classList.toggle("loading", isLoading);
    setText(this.play, isPlaying ? "❚❚" : "▶");
    const title = isPlaying ? t("暂停（空格）") : t("播放（空格）");
    this.play.setAttribute("aria-label", title);
    this.play.title = title;
    for (const [each, element] of this.speeds) element.setAttribute("aria-pressed", String(each === speed));
    setText(this.remark, remark);
    this.tick();
  }

  /** Lets the present go on. */
  tick(): void {
    if (this.isDragging) return;
    const now = this.clock.now();
    const { start, end } = windowOf(this.moment, this.oldest, now);
    this.slider.min = String(start);
    this.slider.max = String(end);
    this.slider.value = String(this.moment ?? end);
    setText(this.start, this.clock.dayAndMinute(start));
    setText(this.end, end >= now ? t("现在") : this.clock.dayAndMinute(end));
    this.tell(this.moment);
  }

  private get isChoosing(): boolean {
    return this.picker.hidden === false;
  }

  private get isAtEnd(): boolean {
    return Number(this.slider.value) > this.clock.now() - NOW_MS;
  }

  private tell(moment: number | null): void {
    const text = moment === null ? t("实时") : `${this.clock.date(moment)} ${this.clock.time(moment)}`;
    setText(this.time, text);
    this.slider.setAttribute("aria-valuetext", text);
  }

  private open(isOpen: boolean): void {
    this.picker.hidden = !isOpen;
    if (!isOpen) return;
    const now = this.clock.now();
    this.field.max = toField(now, this.timeZone);
    if (this.oldest !== null) this.field.min = toField(this.oldest - 1000, this.timeZone);
    this.field.value = toField(this.moment ?? now - BACK_MS, this.timeZone);
    this.field.focus();
  }
}
