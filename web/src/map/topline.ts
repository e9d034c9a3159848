import type { Boot } from "../boot";
import { h, setText } from "../dom";
import type { Light } from "../live/connection";
import { languageForm, pageMenu, token } from "../pages";
import type { Clock } from "../time";
import { t } from "../words";
import { Watch } from "./watch";

/** What the light shows: a sign of its own for each state, a word, and what stands behind it. */
function lightText(light: Light, clock: Clock): { sign: string; word: string; detail: string } {
  const time = (local: number): string => clock.time(clock.fromLocal(local));
  switch (light.state) {
    case "starting":
      return { sign: "○", word: t("连接中"), detail: "" };
    case "live":
      return { sign: "●", word: t("实时"), detail: "" };
    case "late":
      return {
        sign: "◆",
        word: t("数据迟滞"),
        detail: light.since === null ? t("尚未收到接入数据") : t("{time} 起", { time: time(light.since) }),
      };
    case "broken": {
      const wait = light.nextTry === null ? 0 : Math.max(0, Math.ceil((light.nextTry - Date.now()) / 1000));
      return {
        sign: "▲",
        word: t("已断开 重连中"),
        detail: `${t("{time} 起", { time: time(light.since) })} · ${
          wait > 0 ? t("{n} 秒后重试", { n: wait }) : t("正在重试")
        }`,
      };
    }
  }
}

/** The line above the map: place, clock, weather, who is on duty, connection, who is signed in. */
export class Topline {
  readonly element: HTMLElement;
  readonly watch: Watch;
  private readonly date = h("span", { class: "date" });
  private readonly time = h("span", { class: "time" });
  private readonly sign = h("span", { class: "sign", "aria-hidden": "true" });
  private readonly word = h("span", { class: "word" });
  private readonly detail = h("span", { class: "detail" });
  private readonly light: HTMLElement;
  private readonly account: HTMLElement;
  private readonly toggle: HTMLElement;
  private state: Light["state"] | "" = "";

  constructor(boot: Boot, private readonly clock: Clock) {
    const { urls } = boot;
    this.watch = new Watch(urls, clock);
    // Only the word is announced: a countdown read aloud each second would silence everything else.
    this.word.setAttribute("role", "status");
    this.light = h("div", { class: "light" }, this.sign, this.word, this.detail);
    this.account = h(
      "div",
      { class: "account", id: "account" },
      h("span", { class: "user", title: boot.user.roles.join(" ") }, boot.user.name),
      pageMenu(boot),
      languageForm(boot),
      urls.sign_out
        ? h(
            "form",
            { method: "post", action: urls.sign_out },
            token(boot),
            h("button", { type: "submit", class: "plain" }, t("退出登录")),
          )
        : null,
    );
    this.toggle = h(
      "button",
      {
        type: "button", class: "account-toggle", "aria-expanded": "false", "aria-controls": "account",
        "aria-label": t("账户与语言"),
        onclick: () => this.open(!this.account.classList.contains("open")),
      },
      "⋯",
    );
    this.element = h(
      "header",
      { class: "topline" },
      h("h1", {}, h("span", { class: "product" }, t("沙盘")), h("span", { class: "city" }, boot.city)),
      h("div", { class: "clock" }, this.date, this.time),
      this.watch.weather,
      this.watch.duty,
      this.watch.enter,
      this.light,
      this.toggle,
      this.account,
    );
  }

  /** Closes what hangs open, and the menu that a narrow page has in place of the line's right part. */
  close(): void {
    this.watch.close();
    if (!this.account.classList.contains("open")) return;
    this.open(false);
    this.toggle.focus();
  }

  private open(isOpen: boolean): void {
    this.account.classList.toggle("open", isOpen);
    this.toggle.setAttribute("aria-expanded", String(isOpen));
  }

  /** To be called every second and whenever the connection changes. */
  update(light: Light): void {
    const now = this.clock.now();
    setText(this.date, this.clock.date(now));
    setText(this.time, this.clock.time(now));
    this.watch.tick();
    const { sign, word, detail } = lightText(light, this.clock);
    setText(this.sign, sign);
    setText(this.word, word);
    setText(this.detail, detail);
    if (light.state !== this.state) {
      this.state = light.state;
      this.light.dataset.state = light.state;
    }
  }
}
