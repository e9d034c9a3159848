import { h, setText } from "../dom";
import type { Clock } from "../time";
import { t } from "../words";
import type { DirectorBoot } from "./boot";
import { icon } from "./icons";
import { Outline } from "./outline";
import { isPresent } from "./presence";
import type { Deed, SceneInfo, WallInfo } from "./protocol";

type Tell = (order: Deed) => void;

/** What is on the wall now, and the few buttons that a tour needs. */
export class Now {
  readonly element: HTMLElement;
  private readonly outline: Outline;
  private readonly line = h("p", { class: "now-line" });
  private readonly facts = h("p", { class: "quiet now-facts" });
  private readonly tour: HTMLElement;
  private readonly tourName = h("h3", {});
  private readonly tourNote = h("p", { class: "tour-note", role: "status" });
  private readonly steps = h("ol", { class: "steps" });
  private readonly bar = h("div", { class: "bar-fill" });
  private readonly play: HTMLElement;
  private wall: WallInfo | null = null;
  private scenes: readonly SceneInfo[] = [];

  constructor(
    boot: DirectorBoot,
    private readonly clock: Clock,
    tell: Tell,
  ) {
    this.outline = new Outline(boot.districts, boot.bounds, (district) => tell({ do: "district", district }));
    const button = (deed: "previous" | "next" | "stop", name: string): HTMLElement =>
      h("button", { type: "button", class: "round", "aria-label": name, title: name, "data-do": deed, onclick: () => tell({ do: deed }) }, icon(deed));
    this.play = h("button", {
      type: "button", class: "round main", "data-do": "pause",
      onclick: () => tell({ do: this.wall?.run?.paused ? "resume" : "pause" }),
    });
    this.tour = h(
      "div",
      { class: "tour-now", hidden: true },
      this.tourName,
      h("div", { class: "bar", "aria-hidden": "true" }, this.bar),
      this.tourNote,
      h("div", { class: "transport" }, button("previous", t("上一幕")), this.play, button("next", t("下一幕")), button("stop", t("结束巡演"))),
      this.steps,
    );
    this.element = h(
      "section",
      { class: "pane now", "aria-label": t("大屏现在") },
      h("h2", {}, t("大屏现在")),
      this.line, this.outline.element, this.facts, this.tour,
    );
  }

  show(wall: WallInfo | null, scenes: readonly SceneInfo[]): void {
    this.wall = wall;
    this.scenes = scenes;
    const run = wall?.run ?? null;
    this.outline.show(wall?.state.view, wall?.state.district ?? "");
    this.tour.hidden = run === null;
    if (run !== null) {
      setText(this.tourName, `${run.name} ${run.step + 1}/${run.steps.length}`);
      this.play.replaceChildren(icon(run.paused ? "play" : "pause"));
      const name = run.paused ? t("继续播放") : t("暂停");
      this.play.setAttribute("aria-label", name);
      this.play.setAttribute("title", name);
      this.play.dataset.do = run.paused ? "resume" : "pause";
      this.steps.replaceChildren(
        ...run.steps.map((step, i) => h("li", { "aria-current": i === run.step ? "step" : undefined }, step.name)),
      );
    }
    this.tick();
  }

  /** Several times a second: ages and the tour's progress. */
  tick(): void {
    const { wall } = this;
    setText(this.line, this.describe(wall));
    setText(this.facts, wall === null ? "" : this.detail(wall));
    const run = wall?.run;
    if (run == null) return;
    const dwell_s = run.steps[run.step]?.dwell_s ?? 1;
    const left_s = run.until === null ? 0 : Math.max(0, (run.until - this.clock.now()) / 1000);
    const part = run.until === null ? 0 : Math.min(1, 1 - left_s / dwell_s);
    this.bar.style.setProperty("--part", String(part));
    if (!run.paused) setText(this.tourNote, t("{n} 秒后到下一幕", { n: Math.ceil(left_s) }));
    else setText(this.tourNote, run.why === "touch" ? t("有人操作大屏，巡演已暂停") : t("巡演已暂停"));
  }

  private describe(wall: WallInfo | null): string {
    if (wall === null) return t("请先选择一块大屏。");
    if (!isPresent(wall, this.clock.now())) return t("大屏已离线，最后联系 {time}。", { time: this.clock.ago(wall.left_at ?? wall.seen_at) });
    const { scene } = wall.state;
    const name = this.scenes.find(({ id }) => id === scene)?.name;
    if (name !== undefined) return t("场景：{name}", { name });
    return wall.run !== null ? t("巡演：{name}", { name: wall.run.name }) : t("自由画面");
  }

  private detail({ state, user, since }: WallInfo): string {
    const { view, solid, folded } = state;
    const facts = [t("账号 {name}，{time} 上线", { name: user.name, time: this.clock.ago(since) })];
    if (view !== undefined) facts.push(t("缩放 {zoom} 级", { zoom: view.zoom.toFixed(1) }), solid ? t("三维") : t("二维"));
    if (folded !== undefined && folded.length > 0) facts.push(t("折起 {n} 个面板", { n: folded.length }));
    return facts.join(" · ");
  }
}
