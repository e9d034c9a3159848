import { h } from "../dom";
import { t } from "../words";
import type { Figure } from "./geometry";

type Key = Exclude<keyof Figure, "type" | "line">;

function labels(): Record<Key, string> {
  return {
    lon: t("经度"), lat: t("纬度"), radius_m: t("半径（米）"), inner_m: t("内半径（米）"), from_deg: t("起始方位（度）"), to_deg: t("终止方位（度）"),
    width_m: t("宽（米）"), height_m: t("长（米）"), bearing_deg: t("方位（度）"),
  };
}

const KEYS: Record<Figure["type"], Key[]> = {
  circle: ["lon", "lat", "radius_m"],
  sector: ["lon", "lat", "radius_m", "inner_m", "from_deg", "to_deg"],
  rectangle: ["lon", "lat", "width_m", "height_m", "bearing_deg"],
  corridor: ["width_m"],
};

/** The numbers of a circle, sector, rectangle or corridor. */
export class FigureForm {
  readonly element = h("fieldset", { class: "figure" });

  constructor(private readonly onChange: (figure: Figure) => void) {}

  show(figure: Figure | null, canChange: boolean): void {
    this.element.hidden = figure === null;
    if (figure === null) return;
    const names = labels();
    const title = { circle: t("圆"), sector: t("扇形"), rectangle: t("矩形"), corridor: t("走廊") }[figure.type];
    this.element.replaceChildren(
      h("legend", {}, title),
      ...KEYS[figure.type].map((key) => {
        const input = h("input", {
          type: "number", step: "any", value: figure[key] ?? 0, name: key, disabled: !canChange,
          onchange: () => {
            if (Number.isFinite(input.valueAsNumber)) this.onChange({ ...figure, [key]: input.valueAsNumber });
          },
        });
        return h("label", { class: "field" }, names[key], input);
      }),
    );
  }
}
