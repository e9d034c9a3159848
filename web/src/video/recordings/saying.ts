import { h, setText } from "../../dom";

const SAID_MS = 6000;

/** A line that says something for a while. */
export class Saying {
  readonly element = h("p", { class: "said", role: "status", hidden: true });
  private timer = 0;

  say(text: string): void {
    setText(this.element, text);
    this.element.hidden = false;
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => (this.element.hidden = true), SAID_MS);
  }
}
