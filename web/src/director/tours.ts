import { h } from "../dom";
import { t } from "../words";
import { icon } from "./icons";
import type { TourDraft } from "./api";
import type { SceneInfo, TourInfo } from "./protocol";

const DWELL_S = 20;
const SHORTEST_S = 3;
const LONGEST_S = 3600;

interface Handlers {
  onPlay(tour: TourInfo): void;
  onKeep(id: number | null, draft: TourDraft): void;
  onDelete(tour: TourInfo): void;
}

/** Tours: play one, or put one together. */
export class Tours {
  readonly element: HTMLElement;
  readonly dialog: HTMLDialogElement;
  private readonly list = h("div", { class: "tour-list" });
  private readonly name = h("input", { name: "tour-name", maxlength: 60, required: true, autocomplete: "off" });
  private readonly loop = h("input", { type: "checkbox", name: "tour-loop", checked: true });
  private readonly rows = h("ol", { class: "step-rows" });
  private readonly remove: HTMLElement;
  private scenes: readonly SceneInfo[] = [];
  private edited: TourInfo | null = null;

  constructor(private readonly handlers: Handlers) {
    this.element = h(
      "section",
      { class: "pane", "data-pane": "tours", "aria-label": t("巡演") },
      h("div", { class: "pane-head" }, h("h2", {}, t("巡演"))),
      this.list,
      h("button", { type: "button", class: "wide new-tour", onclick: () => this.open(null) }, t("新建巡演")),
    );
    this.remove = h("button", { type: "button", class: "flat grave", onclick: () => this.drop() }, t("删除巡演"));
    this.dialog = h(
      "dialog",
      { class: "sheet tour-sheet", "aria-label": t("编排巡演") },
      h(
        "form",
        {
          onsubmit: (event) => {
            event.preventDefault();
            this.keep();
          },
        },
        h("h2", {}, t("编排巡演")),
        h("label", { class: "field" }, t("名称"), this.name),
        h("label", { class: "check" }, this.loop, t("循环播放")),
        this.rows,
        h("button", { type: "button", class: "flat", onclick: () => this.add() }, t("加一幕")),
        h(
          "div",
          { class: "sheet-foot" },
          this.remove,
          h("button", { type: "button", class: "flat", onclick: () => this.dialog.close() }, t("取消")),
          h("button", { type: "submit", class: "strong" }, t("保存")),
        ),
      ),
    );
  }

  /** @param playing id of the tour that is on the wall */
  show(tours: readonly TourInfo[], scenes: readonly SceneInfo[], playing: number | null): void {
    this.scenes = scenes;
    const rows = tours.map((tour) => this.row(tour, tour.id === playing));
    const empty = h("p", { class: "empty" }, t("还没有巡演。巡演把几个场景按顺序各播一段时间。"));
    this.list.replaceChildren(...(rows.length > 0 ? rows : [empty]));
  }

  private row(tour: TourInfo, isPlaying: boolean): HTMLElement {
    const seconds = tour.steps.reduce((sum, { dwell_s }) => sum + dwell_s, 0);
    return h(
      "div",
      { class: "tour-row", "data-tour": tour.id },
      h(
        "button",
        { type: "button", class: "tile play-tour", "aria-pressed": String(isPlaying), onclick: () => this.handlers.onPlay(tour) },
        h("span", { class: "tile-name" }, icon("play"), tour.name),
        h(
          "span",
          { class: "quiet" },
          t("{n} 幕，共 {seconds} 秒", { n: tour.steps.length, seconds }),
          tour.loop ? ` · ${t("循环")}` : null,
        ),
      ),
      tour.kept ? h("button", { type: "button", class: "flat", onclick: () => this.open(tour) }, t("编排")) : null,
    );
  }

  private open(tour: TourInfo | null): void {
    this.edited = tour;
    this.name.value = tour?.name ?? "";
    this.loop.checked = tour?.loop ?? true;
    this.remove.hidden = tour === null;
    this.rows.replaceChildren();
    for (const { scene, dwell_s } of tour?.steps ?? this.scenes.slice(0, 2).map(({ id }) => ({ scene: id, dwell_s: DWELL_S }))) {
      this.add(scene, dwell_s);
    }
    this.dialog.showModal();
  }

  private add(scene: number | undefined = this.scenes[0]?.id, dwell_s = DWELL_S): void {
    const choice = h(
      "select",
      { name: "scene", "aria-label": t("场景") },
      ...this.scenes.map(({ id, name }) => h("option", { value: id, selected: id === scene }, name)),
    );
    const dwell = h("input", {
      type: "number", name: "dwell", value: dwell_s, min: SHORTEST_S, max: LONGEST_S, inputmode: "numeric", "aria-label": t("停留（秒）"),
    });
    const row = h(
      "li",
      {},
      choice,
      h("span", { class: "dwell" }, dwell, t("秒")),
      h("button", { type: "button", class: "flat", "aria-label": t("前移"), onclick: () => row.previousElementSibling?.before(row) }, "↑"),
      h("button", { type: "button", class: "flat", "aria-label": t("去掉这一幕"), onclick: () => row.remove() }, "×"),
    );
    this.rows.append(row);
  }

  private keep(): void {
    const steps = [...this.rows.children].map((row) => ({
      scene: Number(row.querySelector("select")?.value),
      dwell_s: Number(row.querySelector("input")?.value),
    }));
    const name = this.name.value.trim();
    if (name === "" || steps.length === 0) return;
    const { edited } = this;
    this.handlers.onKeep(edited?.id ?? null, { name, loop: this.loop.checked, position: edited?.position ?? 0, steps });
    this.dialog.close();
  }

  private drop(): void {
    if (this.edited !== null) this.handlers.onDelete(this.edited);
    this.dialog.close();
  }
}
