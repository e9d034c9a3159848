import "@fontsource-variable/noto-sans-sc";
import "../styles/director.css";
import "../styles/director-panes.css";
import "../styles/director-now.css";
import "../styles/director-steering.css";
import "../styles/director-sheets.css";
import { h, setText } from "../dom";
import { setWords, t } from "../words";
import { DirectorApp } from "./app";
import { readDirectorBoot } from "./boot";

const THEME = "sandtable.theme";

/** Light or dark: as the tablet is, until somebody says otherwise. */
function themeButton(): HTMLElement {
  const { dataset } = document.documentElement;
  const button = h("button", { type: "button", class: "flat" });
  const set = (theme: string): void => {
    dataset.theme = theme;
    setText(button, theme === "light" ? t("深色") : t("浅色"));
  };
  button.addEventListener("click", () => {
    set(dataset.theme === "light" ? "dark" : "light");
    localStorage.setItem(THEME, dataset.theme ?? "dark");
  });
  set(localStorage.getItem(THEME) ?? (window.matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark"));
  return button;
}

const boot = readDirectorBoot(document);
setWords(boot.words);
const root = document.getElementById("app");
if (root === null) throw new Error("page: #app missing");
void new DirectorApp(root, boot, themeButton()).start();
