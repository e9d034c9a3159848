import "./styles/pages.css";
import type { Boot } from "./boot";
import { h } from "./dom";
import { t } from "./words";

/** A hidden field that lets a form of ours through. */
export function token(boot: Boot): HTMLElement {
  return h("input", { type: "hidden", name: "csrfmiddlewaretoken", value: boot.csrf });
}

/** The languages to choose from; null where the page may not be switched. */
export function languageForm(boot: Boot): HTMLElement | null {
  if (!boot.urls.set_language) return null;
  const next = h("input", { type: "hidden", name: "next", value: window.location.pathname });
  const buttons = boot.languages.map(({ code, name }) =>
    h(
      "button",
      { type: "submit", name: "language", value: code, class: "choice", "aria-pressed": String(code === boot.language) },
      name,
    ),
  );
  return h(
    "form",
    {
      method: "post", action: boot.urls.set_language, class: "languages", "aria-label": t("界面语言"),
      // The address' fragment holds the view: the page comes back where it was.
      onsubmit: () => {
        next.value = window.location.pathname + window.location.hash;
      },
    },
    token(boot),
    next,
    ...buttons,
  );
}

/** Where else one may go, and under it what else belongs there; closes by itself. */
export function pageMenu(boot: Boot, ...more: (Node | null)[]): HTMLDetailsElement {
  const here = window.location.pathname;
  const links = boot.pages.map(({ name, address }) =>
    h("a", { href: address, class: "page", "aria-current": address === here ? "page" : undefined }, name),
  );
  const menu = h(
    "details",
    { class: "pages" },
    h("summary", {}, t("页面")),
    h("nav", { class: "pages-more", "aria-label": t("页面") }, ...links, ...more),
  );
  document.addEventListener("click", ({ target }) => {
    if (!(target instanceof Node && menu.contains(target))) menu.open = false;
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    event.stopPropagation();
    menu.open = false;
    menu.querySelector("summary")?.focus();
  });
  return menu;
}
