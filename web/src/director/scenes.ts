import { h } from "../dom";
import { t } from "../words";
import type { SceneInfo } from "./protocol";

interface Handlers {
  onShow(scene: SceneInfo): void;
  onKeep(): void;
  onRename(scene: SceneInfo): void;
  onDelete(scene: SceneInfo): void;
  /** Put it one place earlier. */
  onForward(scene: SceneInfo): void;
}

/** Scenes as tiles: a touch shows one on the wall. */
export class Scenes {
  readonly element: HTMLElement;
  private readonly grid = h("div", { class: "tiles" });
  private readonly edit: HTMLButtonElement;
  private isEditing = false;
  private scenes: readonly SceneInfo[] = [];
  private shown: number | null = null;

  constructor(private readonly handlers: Handlers) {
    this.edit = h("button", { type: "button", class: "flat", "aria-pressed": "false", onclick: () => this.turn() }, t("整理"));
    this.element = h(
      "section",
      { class: "pane", "data-pane": "scenes", "aria-label": t("场景") },
      h("div", { class: "pane-head" }, h("h2", {}, t("场景")), this.edit),
      this.grid,
      h("button", { type: "button", class: "wide keep-picture", onclick: () => handlers.onKeep() }, t("把大屏当前画面存为场景")),
    );
  }

  /** @param shown id of the scene that is on the wall */
  show(scenes: readonly SceneInfo[], shown: number | null): void {
    this.scenes = scenes;
    this.shown = shown;
    this.draw();
  }

  private turn(): void {
    this.isEditing = !this.isEditing;
    this.edit.setAttribute("aria-pressed", String(this.isEditing));
    this.draw();
  }

  private draw(): void {
    const tiles = this.scenes.map((scene, i) => (this.isEditing ? this.editTile(scene, i) : this.tile(scene)));
    const empty = h("p", { class: "empty" }, t("还没有场景。在大屏上调好画面，再点下面的按钮保存。"));
    this.grid.replaceChildren(...(tiles.length > 0 ? tiles : [empty]));
  }

  private tile(scene: SceneInfo): HTMLElement {
    return h(
      "button",
      {
        type: "button", class: "tile", "data-scene": scene.id, "aria-pressed": String(scene.id === this.shown),
        onclick: () => this.handlers.onShow(scene),
      },
      h("span", { class: "tile-name" }, scene.name),
      h("span", { class: "quiet" }, this.about(scene)),
    );
  }

  private editTile(scene: SceneInfo, place: number): HTMLElement {
    const { handlers } = this;
    return h(
      "div",
      { class: "tile editing", "data-scene": scene.id },
      h("span", { class: "tile-name" }, scene.name),
      scene.kept
        ? h(
            "span",
            { class: "tile-tools" },
            h("button", { type: "button", class: "flat", disabled: place === 0, "aria-label": t("前移"), onclick: () => handlers.onForward(scene) }, "←"),
            h("button", { type: "button", class: "flat", onclick: () => handlers.onRename(scene) }, t("改名")),
            h("button", { type: "button", class: "flat grave", onclick: () => handlers.onDelete(scene) }, t("删除")),
          )
        : h("span", { class: "quiet" }, t("由他人保存，只能播放")),
    );
  }

  private about({ pitch, layers, folded }: SceneInfo): string {
    const facts = [pitch > 20 ? t("三维") : t("二维")];
    if (layers !== null) facts.push(t("{n} 个图层", { n: layers.length }));
    if (folded.length > 0) facts.push(t("折起 {n} 个面板", { n: folded.length }));
    return facts.join(" · ");
  }
}
