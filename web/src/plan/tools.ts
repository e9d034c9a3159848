import { h } from "../dom";
import { t } from "../words";
import type { Tool } from "./drawing";

export type Deed =
  | { do: "draw"; tool: Tool }
  | { do: "buffer" | "merge" | "snap" | "mend" | "clear" | "undo" | "redo" | "solid" };

interface Button {
  name: string;
  title: string;
  deed: Deed;
  key?: string;
}

/** The tools above the map. */
export class Tools {
  readonly element: HTMLElement;
  private readonly buttons = new Map<Button, HTMLButtonElement>();

  constructor(private readonly onDeed: (deed: Deed) => void) {
    const draw = (tool: Tool, name: string, title: string): Button => ({ name, title, deed: { do: "draw", tool } });
    const groups: [string, Button[]][] = [
      [t("画"), [
        draw("polygon", t("面"), t("逐点画面；回车或点首点完成，Esc 取消")),
        draw("freehand", t("手绘"), t("点一下开始，移动画出轮廓，再点结束")),
        draw("rectangle", t("矩形"), t("点两个对角")),
        draw("angled-rectangle", t("斜矩形"), t("先点一条边，再点对边")),
        draw("circle", t("圆"), t("点圆心，再点圆上")),
        draw("sector", t("扇形"), t("点中心，再点两条边")),
        draw("corridor", t("走廊"), t("画中心线，再填宽度")),
        draw("line", t("线"), t("警戒线：顺着画线方向，右侧为内")),
        draw("point", t("点"), t("点一处，再用“缓冲”给出半径")),
      ]],
      [t("改"), [
        draw("knife", t("分割"), t("画一条贯穿图形的线")),
        draw("hole", t("挖洞"), t("画出要挖去的面")),
        { name: t("合并"), title: t("把互相接触的各块合成一块"), deed: { do: "merge" } },
        { name: t("缓冲"), title: t("向外扩或向内缩若干米"), deed: { do: "buffer" } },
        { name: t("吸附"), title: t("把边界贴到邻近区域的边界上"), deed: { do: "snap" } },
        { name: t("修复"), title: t("去掉自相交和重复的点"), deed: { do: "mend" } },
        { name: t("清空"), title: t("去掉图形，重新画"), deed: { do: "clear" } },
      ]],
      ["", [
        { name: t("撤销"), title: "Ctrl+Z", deed: { do: "undo" } },
        { name: t("重做"), title: "Ctrl+Y", deed: { do: "redo" } },
        { name: t("立体"), title: t("斜看高度范围"), deed: { do: "solid" } },
      ]],
    ];
    this.element = h(
      "div",
      { class: "tools", role: "toolbar", "aria-label": t("绘图工具") },
      ...groups.map(([name, buttons]) =>
        h("div", { class: "tool-group", role: "group", "aria-label": name || undefined }, ...buttons.map((button) => this.button(button))),
      ),
      h("p", { class: "tools-hint quiet" }, t("先新建区域，或打开一个方案，再画。")),
    );
  }

  /** Which tool draws, whether there is a shape to work on, and what can be undone. */
  show(state: { tool: Tool | null; canDraw: boolean; hasShape: boolean; canUndo: boolean; canRedo: boolean; isSolid: boolean }): void {
    this.element.classList.toggle("resting", !state.canDraw);
    for (const [{ deed }, element] of this.buttons) {
      const isOn = (deed.do === "draw" && deed.tool === state.tool) || (deed.do === "solid" && state.isSolid);
      element.setAttribute("aria-pressed", String(isOn));
      element.disabled = !this.isOpen(deed, state);
    }
  }

  private isOpen(deed: Deed, { canDraw, hasShape, canUndo, canRedo }: { canDraw: boolean; hasShape: boolean; canUndo: boolean; canRedo: boolean }): boolean {
    switch (deed.do) {
      case "solid":
        return true;
      case "undo":
        return canUndo;
      case "redo":
        return canRedo;
      case "draw":
        return canDraw && (hasShape || (deed.tool !== "knife" && deed.tool !== "hole"));
      default:
        return canDraw && hasShape;
    }
  }

  private button(button: Button): HTMLElement {
    const element = h(
      "button",
      { type: "button", class: "tool", title: button.title, "data-tool": button.deed.do === "draw" ? button.deed.tool : button.deed.do, onclick: () => this.onDeed(button.deed) },
      button.name,
    );
    this.buttons.set(button, element);
    return element;
  }
}
