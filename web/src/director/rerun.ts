import { h, setText } from "../dom";
import { replayed } from "../screen/past/player";
import { SPEEDS, type Speed } from "../screen/past/rows";
import { MINUTE_MS } from "../screen/past/window";
import { t } from "../words";
import type { Deed, Replay, WallInfo } from "./protocol";

const BACK_MS = 10 * MINUTE_MS;
/** A wall has said by then that it is where it was told to go. */
const TOLD_MS = 10_000;

interface Handlers {
  tell(order: Deed): void;
  tellAll(order: Deed): void;
  /** The server's time, ms. */
  now(): number;
}

/** Takes the chosen wall, or all of them together, into the past and plays it. */
export class Rerun {
  readonly element: HTMLElement;
  private readonly pause: HTMLElement;
  private readonly everywhere: HTMLElement;
  private readonly speeds = new Map<Speed, HTMLElement>();
  private isEverywhere = false;
  private speed: Speed = 10;
  /** What was told last. */
  private told: Replay | null = null;
  /** Where the chosen wall says it is; null: in the present. */
  private wallAt: number | null = null;

  constructor(private readonly handlers: Handlers) {
    const key = (name: string, onclick: () => void): HTMLElement => h("button", { type: "button", class: "key", onclick }, name);
    const chip = (name: string, onclick: () => void): HTMLElement =>
      h("button", { type: "button", class: "chip", "aria-pressed": "false", onclick }, name);
    this.pause = key(t("暂停"), () => this.play(!(this.told?.playing ?? true)));
    this.everywhere = chip(t("所有大屏同看"), () => this.spread());
    for (const speed of SPEEDS) this.speeds.set(speed, chip(`${speed}×`, () => this.hurry(speed)));
    this.element = h(
      "div",
      { class: "rerun" },
      h("div", { class: "keys" },
        key(t("回看 10 分钟"), () => this.from((this.moment() ?? handlers.now()) - BACK_MS)),
        this.pause,
        key(t("回到实时"), () => this.present()),
      ),
      h("div", { class: "chips" }, this.everywhere, ...this.speeds.values()),
    );
    this.draw();
  }

  show(wall: WallInfo | null): void {
    this.wallAt = wall?.state.past ?? null;
    // Somebody at the wall went back to the present, or it played as far.
    if (this.wallAt === null && this.told !== null && this.handlers.now() - this.told.since > TOLD_MS) this.told = null;
    this.draw();
  }

  /** Where the walls are by now; null: in the present. */
  private moment(): number | null {
    const now = this.handlers.now();
    return this.told === null ? this.wallAt : Math.min(now, replayed(this.told, now));
  }

  private from(moment: number, playing = true): void {
    this.told = { moment, since: this.handlers.now(), speed: this.speed, playing };
    this.tell({ do: "past", ...this.told });
  }

  private play(playing: boolean): void {
    const moment = this.moment();
    if (moment !== null) this.from(moment, playing);
  }

  private hurry(speed: Speed): void {
    const moment = this.moment();
    this.speed = speed;
    if (moment !== null) this.from(moment, this.told?.playing ?? true);
    this.draw();
  }

  private present(): void {
    this.told = null;
    this.tell({ do: "past", moment: null });
  }

  private spread(): void {
    this.isEverywhere = !this.isEverywhere;
    this.draw();
  }

  private tell(order: Deed): void {
    if (this.isEverywhere) this.handlers.tellAll(order);
    else this.handlers.tell(order);
    this.draw();
  }

  private draw(): void {
    setText(this.pause, this.told?.playing === false ? t("继续") : t("暂停"));
    this.everywhere.setAttribute("aria-pressed", String(this.isEverywhere));
    for (const [speed, element] of this.speeds) element.setAttribute("aria-pressed", String(speed === this.speed));
  }
}
