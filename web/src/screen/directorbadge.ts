import type { Run, Welcome } from "../director/protocol";
import { h, setText } from "../dom";
import { t } from "../words";

/** How long the badge says who has just driven the wall, and how long the code stands on it, ms. */
const DRIVEN_MS = 6000;
const CODE_MS = 10_000;
const LONGEST_NAME = 60;

interface Handlers {
  onName(name: string): void;
  onKeep(name: string): Promise<void>;
  onResume(): void;
  onStop(): void;
}

/** What the wall shows of being driven: a quiet line, its code when asked for, and a small dialog for its name. */
export class DirectorBadge {
  readonly element: HTMLElement;
  /** Opens the dialog; belongs among the screen's tools. */
  readonly button: HTMLButtonElement;
  readonly dialog: HTMLDialogElement;
  private readonly line = h("span", { class: "director-line" });
  private readonly resume: HTMLElement;
  private readonly stop: HTMLElement;
  private readonly code = h("div", { class: "wall-code", hidden: true });
  private readonly who = h("p", { class: "quiet" });
  private readonly name = h("input", { name: "wall-name", maxlength: LONGEST_NAME, autocomplete: "off" });
  private readonly sceneName = h("input", { name: "scene-name", maxlength: LONGEST_NAME, autocomplete: "off" });
  private run: Run | null = null;
  private driver = "";
  private drivenAt = 0;
  private codeUntil = 0;

  /** @param address of the director's page */
  constructor(address: string, handlers: Handlers) {
    this.resume = h("button", { type: "button", class: "tool", onclick: () => handlers.onResume() }, t("继续"));
    this.stop = h("button", { type: "button", class: "tool", onclick: () => handlers.onStop() }, t("结束"));
    this.element = h(
      "div",
      { class: "director-badge", role: "status", hidden: true },
      h("span", { class: "director-sign", "aria-hidden": "true" }, "▸"),
      this.line, this.resume, this.stop,
    );
    this.button = h("button", { type: "button", class: "tool", onclick: () => this.dialog.showModal() }, t("导播"));
    this.dialog = h(
      "dialog",
      { class: "director-dialog", "aria-label": t("导播") },
      h("h2", {}, t("导播")),
      this.who,
      this.form(t("大屏名称"), this.name, t("保存"), (name) => handlers.onName(name)),
      this.form(t("把当前画面存为场景"), this.sceneName, t("存为场景"), (name) => {
        if (name === "") return;
        this.sceneName.value = "";
        void handlers.onKeep(name);
      }),
      h(
        "div",
        { class: "director-foot" },
        h("a", { href: address, target: "_blank", rel: "noopener" }, t("打开导播台")),
        h("button", { type: "button", class: "tool", onclick: () => this.dialog.close() }, t("关闭")),
      ),
    );
  }

  /** Whether something belongs to the director and not to the map: touching it pauses nothing. */
  owns(target: EventTarget | null): boolean {
    return target instanceof Node && [this.element, this.dialog, this.button].some((own) => own.contains(target));
  }

  /** Everything that stands over the map. */
  get elements(): HTMLElement[] {
    return [this.element, this.code, this.dialog];
  }

  named(welcome: Welcome, account: string): void {
    this.name.value = welcome.named;
    this.name.placeholder = `${account} ${welcome.code}`;
    setText(this.code, welcome.code);
    setText(this.who, t("编号 {code}。在平板上打开“导播台”，选“{name}”即可遥控本屏。", { code: welcome.code, name: welcome.name }));
  }

  /** Somebody's order was carried out. */
  driven(by: string): void {
    this.driver = by;
    this.drivenAt = performance.now();
    this.draw();
  }

  plays(run: Run | null): void {
    this.run = run === null ? null : { ...run };
    this.draw();
  }

  /** Shows the wall's code large, for whoever stands before several walls. */
  identify(now: number): void {
    this.codeUntil = now + CODE_MS;
    this.code.hidden = false;
  }

  tick(now: number): void {
    if (!this.code.hidden && now > this.codeUntil) this.code.hidden = true;
    if (this.driver !== "" && performance.now() - this.drivenAt > DRIVEN_MS) {
      this.driver = "";
      this.draw();
    }
  }

  private draw(): void {
    const { run, driver } = this;
    this.element.hidden = run === null && driver === "";
    this.element.classList.toggle("paused", run?.paused ?? false);
    this.resume.hidden = !(run?.paused ?? false);
    this.stop.hidden = run === null;
    if (run !== null) {
      const place = { name: run.name, step: run.step + 1, steps: run.steps.length };
      const text = t("导播：{name} {step}/{steps}", place);
      if (!run.paused) setText(this.line, text);
      else setText(this.line, `${text} · ${run.why === "touch" ? t("有人操作大屏，已暂停") : t("已暂停")}`);
    } else if (driver !== "") {
      setText(this.line, t("导播：{name} 正在操作", { name: driver }));
    }
  }

  private form(title: string, input: HTMLInputElement, button: string, onSubmit: (text: string) => void): HTMLElement {
    return h(
      "form",
      {
        onsubmit: (event) => {
          event.preventDefault();
          onSubmit(input.value.trim());
          this.dialog.close();
        },
      },
      h("label", {}, title, input),
      h("button", { type: "submit", class: "tool" }, button),
    );
  }
}
