import { h } from "../dom";
import { t } from "../words";
import type { AreaProperties } from "./canvas";

/** What an area is for; a kind this page does not know is shown as it is named in the data. */
function kindName(kind: string): string {
  switch (kind) {
    case "fence":
      return t("电子围栏");
    case "key_area":
      return t("重点区域");
    case "zone":
      return t("人员区域");
    case "line":
      return t("警戒线");
    default:
      return kind;
  }
}

/** Names and kinds of the areas at a place. */
export function areaCard(areas: readonly AreaProperties[]): HTMLElement {
  return h(
    "ul",
    { class: "areas" },
    ...areas.map(({ name, kind, version }) =>
      h(
        "li",
        { class: `area ${kind === "key_area" ? "key" : ""}` },
        h("strong", {}, name),
        h("span", { class: "quiet" }, `${kindName(kind)} · ${t("第 {n} 版", { n: version })}`),
      ),
    ),
  );
}
