import { h, setText } from "../dom";

const SHOWN_MS = 8000;

/** What the page has to say: a band while something lasts, a note for what happened once. */
export class Notices {
  readonly element: HTMLElement;
  private readonly bandElement = h("div", { class: "band", hidden: true });
  private readonly noteElement = h("div", { class: "note", role: "status", hidden: true });
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    this.element = h("div", { class: "notices" }, this.bandElement, this.noteElement);
  }

  /** Shows a lasting fact; null takes it away. */
  band(text: string | null): void {
    this.bandElement.hidden = text === null;
    if (text !== null) setText(this.bandElement, text);
  }

  /** Shows for some seconds what happened. */
  note(text: string): void {
    this.noteElement.hidden = false;
    setText(this.noteElement, text);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.noteElement.hidden = true;
    }, SHOWN_MS);
  }
}
