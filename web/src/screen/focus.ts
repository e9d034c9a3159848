import { h } from "../dom";
import type { District } from "./layerinfo";

/** The one district that is looked into, and the sign in the title line that says so and leads back. */
export class Focus {
  readonly element = h("div", { class: "focus-line", hidden: true });
  /** Null: everything is looked at. */
  district: District | null = null;

  /** @param onLook called with the district, or null, whenever another is chosen */
  constructor(private readonly onLook: (district: District | null) => void) {}

  look(district: District | null): void {
    this.district = district;
    this.element.hidden = district === null;
    this.element.replaceChildren(
      h("button", { type: "button", class: "focus", title: "Esc", onclick: () => this.look(null) }, `${district?.name ?? ""} ×`),
    );
    this.onLook(district);
  }
}
