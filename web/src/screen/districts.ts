import { h, setText } from "../dom";
import { t } from "../words";
import { type Alert, type Grade, SIGNS } from "./alerts";
import type { District } from "./layerinfo";

interface Row {
  button: HTMLElement;
  count: HTMLElement;
  alerts: HTMLElement;
}

/** The districts with their counts; choosing one looks into it, choosing it again looks at the city. */
export class DistrictList {
  readonly element: HTMLElement;
  private readonly rows = new Map<string, Row>();

  constructor(districts: readonly District[], onChoose: (district: District) => void) {
    const rows = districts.map((district) => {
      const count = h("span", { class: "count" }, "");
      const alerts = h("span", { class: "district-alerts" });
      const button = h(
        "button",
        { type: "button", class: "district-row", "aria-pressed": "false", "data-code": district.code, onclick: () => onChoose(district) },
        h("span", { class: "name" }, district.name),
        alerts,
        count,
      );
      this.rows.set(district.code, { button, count, alerts });
      return h("li", {}, button);
    });
    this.element = h("ul", { class: "districts", "aria-label": t("各区") }, ...rows);
  }

  choose(chosen: District | null): void {
    for (const [code, { button }] of this.rows) button.setAttribute("aria-pressed", String(code === chosen?.code));
  }

  /** @param counts things by district code */
  count(counts: ReadonlyMap<string, number>): void {
    for (const [code, row] of this.rows) setText(row.count, (counts.get(code) ?? 0).toLocaleString("en-US"));
  }

  /** Shows how many alerts each has, and the gravest one's sign. */
  alert(alerts: readonly Alert[]): void {
    for (const [code, row] of this.rows) {
      const own = alerts.filter(({ region }) => region?.code.startsWith(code));
      const grade = own.reduce<Grade>((least, alert) => (alert.grade < least ? alert.grade : least), 4);
      setText(row.alerts, own.length > 0 ? `${SIGNS[grade]} ${own.length}` : "");
      row.alerts.dataset.grade = String(grade);
    }
  }
}
