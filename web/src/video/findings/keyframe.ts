import { h } from "../../dom";
import { t } from "../../words";

const SVG = "http://www.w3.org/2000/svg";

/** The picture that a finding rests on, and where in it: parts of width and height, and the confidence. */
export interface KeyFrame {
  finding: number;
  url: string;
  width: number;
  height: number;
  /** RFC 3339. */
  taken_at: string;
  label: string;
  boxes: [number, number, number, number, number][];
  verdict: "open" | "confirmed" | "rejected";
}

/** A picture with its boxes; the boxes are drawn over it and can be told from what the camera saw. */
export function keyFrame(frame: KeyFrame): HTMLElement {
  const percent = (part: number): string => `${Math.round(part * 100)}%`;
  const picture = h("img", { src: frame.url, alt: `${frame.label} ${frame.boxes.map((box) => percent(box[4])).join("、")}`, loading: "lazy", width: frame.width, height: frame.height });
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("viewBox", `0 0 ${frame.width} ${frame.height}`);
  drawing.setAttribute("aria-hidden", "true");
  for (const [left, top, width, height] of frame.boxes) {
    const rect = document.createElementNS(SVG, "rect");
    const place = { x: left * frame.width, y: top * frame.height, width: width * frame.width, height: height * frame.height };
    for (const [name, value] of Object.entries(place)) rect.setAttribute(name, value.toFixed(1));
    drawing.append(rect);
  }
  const element = h("div", { class: "key-frame" }, picture, drawing);
  picture.addEventListener("error", () => element.replaceChildren(h("p", { class: "quiet" }, t("关键帧读取失败，或已到期删除。"))));
  return element;
}
