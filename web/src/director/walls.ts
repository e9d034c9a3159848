import { h, setText } from "../dom";
import type { Clock } from "../time";
import { t } from "../words";
import { inOrder, isPresent } from "./presence";
import type { WallInfo } from "./protocol";

/** The walls one may drive; one of them is chosen. */
export class Walls {
  readonly button: HTMLButtonElement;
  readonly dialog: HTMLDialogElement;
  private readonly name = h("span", { class: "wall-name" });
  private readonly state = h("span", { class: "wall-state" });
  private readonly list = h("div", { class: "wall-list" });

  /** @param screen address of the screen's page, for whoever has no wall open */
  constructor(
    private readonly clock: Clock,
    private readonly screen: string,
    private readonly onChoose: (wall: WallInfo) => void,
  ) {
    this.button = h("button", { type: "button", class: "wall-button", onclick: () => this.dialog.showModal() }, this.name, this.state);
    this.dialog = h(
      "dialog",
      { class: "sheet", "aria-label": t("选择大屏") },
      h("h2", {}, t("选择大屏")),
      this.list,
      h("div", { class: "sheet-foot" }, h("button", { type: "button", class: "flat", onclick: () => this.dialog.close() }, t("关闭"))),
    );
  }

  show(walls: Iterable<WallInfo>, chosen: WallInfo | null): void {
    const now = this.clock.now();
    setText(this.name, chosen?.name ?? t("选择大屏"));
    const isThere = chosen !== null && isPresent(chosen, now);
    setText(this.state, chosen === null ? "" : isThere ? t("在线") : t("离线"));
    this.button.dataset.state = chosen === null ? "none" : isThere ? "there" : "gone";
    const rows = inOrder(walls, now).map((wall) => this.row(wall, wall.id === chosen?.id, now));
    const empty = h("p", { class: "empty" }, t("没有您可以遥控的大屏。请先用同一账号打开大屏页："), h("a", { href: this.screen }, t("打开大屏")));
    this.list.replaceChildren(...(rows.length > 0 ? rows : [empty]));
  }

  private row(wall: WallInfo, isChosen: boolean, now: number): HTMLElement {
    const isThere = isPresent(wall, now);
    const when = isThere
      ? t("{time} 上线", { time: this.clock.ago(wall.since) })
      : t("{time} 离线", { time: this.clock.ago(wall.left_at ?? wall.seen_at) });
    return h(
      "button",
      {
        type: "button", class: "tile wall-tile", "data-wall": wall.id, "aria-pressed": String(isChosen), "data-state": isThere ? "there" : "gone",
        onclick: () => {
          this.onChoose(wall);
          this.dialog.close();
        },
      },
      h("span", { class: "tile-name" }, wall.name, h("span", { class: "code" }, wall.code)),
      h("span", { class: "quiet" }, `${isThere ? t("在线") : t("离线")} · ${wall.user.name} · ${when}`),
    );
  }
}
