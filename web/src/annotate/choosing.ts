import { h } from "../dom";
import { t } from "../words";

const WAIT_MS = 250;

export interface Choice<T> {
  title: string;
  note: string;
  value: T;
}

/** A field that finds things by name on the server, to choose one. */
export class Choosing<T> {
  readonly element: HTMLElement;
  private readonly input: HTMLInputElement;
  private readonly found = h("ul", { class: "choices", role: "listbox", hidden: true });
  private timer: ReturnType<typeof setTimeout> | undefined;
  private asking = new AbortController();

  constructor(
    name: string,
    placeholder: string,
    private readonly ask: (text: string, signal: AbortSignal) => Promise<Choice<T>[]>,
    private readonly onChosen: (choice: Choice<T>) => void,
  ) {
    this.input = h("input", { type: "search", name, placeholder, autocomplete: "off", oninput: () => this.typed() });
    this.element = h("div", { class: "choosing" }, this.input, this.found);
    this.element.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || this.found.hidden) return;
      event.stopPropagation();
      this.close();
    });
  }

  private typed(): void {
    clearTimeout(this.timer);
    this.asking.abort();
    const text = this.input.value.trim();
    if (text === "") this.close();
    else this.timer = setTimeout(() => void this.search(text), WAIT_MS);
  }

  private async search(text: string): Promise<void> {
    const { signal } = (this.asking = new AbortController());
    let choices: Choice<T>[];
    try {
      choices = await this.ask(text, signal);
    } catch {
      if (!signal.aborted) this.say(t("没有查到，请稍后再试。"));
      return;
    }
    if (signal.aborted) return;
    if (choices.length === 0) {
      this.say(t("没有名称含“{text}”的。", { text }));
      return;
    }
    this.found.replaceChildren(
      ...choices.map((choice) =>
        h("li", {}, h("button", { type: "button", role: "option", onclick: () => this.choose(choice) }, h("span", {}, choice.title), h("span", { class: "quiet" }, choice.note))),
      ),
    );
    this.found.hidden = false;
  }

  private say(text: string): void {
    this.found.replaceChildren(h("li", { class: "quiet" }, text));
    this.found.hidden = false;
  }

  private choose(choice: Choice<T>): void {
    this.close();
    this.onChosen(choice);
  }

  private close(): void {
    this.input.value = "";
    this.found.hidden = true;
  }
}
