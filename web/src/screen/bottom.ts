import { h } from "../dom";

/** A part of the foot that opens over the line, with the button that opens it. */
export interface Fold {
  readonly isOpen: boolean;
  open(isOpen: boolean): void;
}

/**
 * The wall's foot: when. One line that is always there (the time bar), and above it parts that unfold, each by its
 * button at the line's end. The map's middle stays free: what unfolds is as high as its content and no higher than a
 * third of the window.
 */
export class Bottom {
  readonly element: HTMLElement;
  private readonly folds = h("div", { class: "bottom-folds" });
  private readonly line = h("div", { class: "bottom-line" });
  private readonly buttons = h("div", { class: "bottom-buttons" });

  constructor(title: string) {
    this.line.append(this.buttons);
    this.element = h("section", { class: "panel bottom", "aria-label": title }, this.folds, this.line);
    // Style sheets keep the map's own signs above it, however high it is.
    new ResizeObserver(() => {
      document.documentElement.style.setProperty("--foot", `${this.element.offsetHeight}px`);
    }).observe(this.element);
  }

  /** Appends to the line, before the buttons. */
  add(...parts: HTMLElement[]): void {
    this.buttons.before(...parts);
  }

  /**
   * Adds a part that unfolds; closed at first.
   *
   * @param name class of the part, and of what its button controls
   * @param onOpen called when it opens and when it closes: nothing need be read or drawn for what is not seen
   */
  fold(name: string, title: string, body: Node, onOpen: (isOpen: boolean) => void = () => undefined): Fold {
    const part = h("div", { class: `bottom-fold ${name}`, id: `${name}-fold`, hidden: true }, body);
    const button = h(
      "button",
      {
        type: "button", class: "tool", "aria-expanded": "false", "aria-controls": part.id,
        onclick: () => fold.open(!fold.isOpen),
      },
      title,
    );
    const fold: Fold = {
      get isOpen() {
        return !part.hidden;
      },
      open: (isOpen) => {
        if (isOpen === !part.hidden) return;
        part.hidden = !isOpen;
        button.setAttribute("aria-expanded", String(isOpen));
        onOpen(isOpen);
      },
    };
    this.folds.append(part);
    this.buttons.append(button);
    return fold;
  }
}
