import { h } from "../dom";

/** A panel at the wall's side that folds away to its title. */
export class Side {
  readonly element: HTMLElement;
  private readonly button: HTMLElement;

  /**
   * @param name class of the panel, and of what its button controls
   * @param beside stands in the title line, before the fold sign
   */
  constructor(name: string, title: string, beside: Node | null, ...body: Node[]) {
    const id = `${name}-body`;
    this.button = h(
      "button",
      {
        type: "button", class: "fold", "aria-expanded": "true", "aria-controls": id, "aria-label": title,
        onclick: () => this.fold(!this.isFolded),
      },
      h("span", { class: "fold-sign", "aria-hidden": "true" }),
    );
    this.element = h(
      "aside",
      { class: `panel side ${name}`, "aria-label": title },
      h("div", { class: "side-head" }, h("h2", {}, title), beside, this.button),
      h("div", { class: "panel-body", id }, ...body),
    );
  }

  get isFolded(): boolean {
    return this.element.classList.contains("folded");
  }

  fold(isFolded: boolean): void {
    this.button.setAttribute("aria-expanded", String(!isFolded));
    this.element.classList.toggle("folded", isFolded);
  }
}

/** A part of a panel with a heading that folds it. */
export function section(title: string, isOpen: boolean, body: Node): HTMLElement {
  return h("details", { class: "section", open: isOpen }, h("summary", {}, title), body);
}
