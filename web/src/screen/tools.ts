import { h, setText } from "../dom";
import { t } from "../words";

interface Handlers {
  onHome(): void;
  onTurn(): void;
  onSound(): void;
  onTrails(): void;
  onAsk(): void;
  onAnnotate(): void;
}

/** The few buttons of the top line. */
export function tools(handlers: Handlers): {
  element: HTMLElement;
  solid(isSolid: boolean): void;
  sounds(isOn: boolean): void;
  trails(isOn: boolean): void;
  asks(isOpen: boolean): void;
  annotates(isOpen: boolean): void;
} {
  const home = h("button", { type: "button", class: "tool", title: t("看全域"), onclick: () => handlers.onHome() }, t("全域"));
  const turn = h("button", { type: "button", class: "tool", "aria-pressed": "false", onclick: () => handlers.onTurn() }, t("三维"));
  const sound = h("button", { type: "button", class: "tool", "aria-pressed": "false", onclick: () => handlers.onSound() }, t("提示音 关"));
  const trail = h(
    "button",
    { type: "button", class: "tool", "aria-pressed": "false", title: t("显示移动对象近 5 分钟的轨迹"), onclick: () => handlers.onTrails() },
    t("轨迹"),
  );
  const ask = h("button", { type: "button", class: "tool", "aria-pressed": "false", title: t("在图上画范围查对象"), onclick: () => handlers.onAsk() }, t("查询"));
  const annotate = h("button", { type: "button", class: "tool", "aria-pressed": "false", "data-tool": "annotate", title: t("在图上共同标绘"), onclick: () => handlers.onAnnotate() }, t("标绘"));
  const full = h("button", { type: "button", class: "tool", onclick: () => void toggleFull() }, t("全屏"));
  document.addEventListener("fullscreenchange", () => {
    setText(full, document.fullscreenElement === null ? t("全屏") : t("退出全屏"));
  });
  return {
    element: h("div", { class: "tools" }, home, turn, trail, ask, annotate, sound, full),
    solid: (isSolid) => {
      turn.setAttribute("aria-pressed", String(isSolid));
      setText(turn, isSolid ? t("二维") : t("三维"));
    },
    trails: (isOn) => trail.setAttribute("aria-pressed", String(isOn)),
    asks: (isOpen) => ask.setAttribute("aria-pressed", String(isOpen)),
    annotates: (isOpen) => annotate.setAttribute("aria-pressed", String(isOpen)),
    sounds: (isOn) => {
      sound.setAttribute("aria-pressed", String(isOn));
      setText(sound, isOn ? t("提示音 开") : t("提示音 关"));
    },
  };
}

async function toggleFull(): Promise<void> {
  if (document.fullscreenElement === null) await document.documentElement.requestFullscreen();
  else await document.exitFullscreen();
}
