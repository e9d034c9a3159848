import "@fontsource-variable/noto-sans-sc";
import "../../styles/page.css";
import "../../styles/page-top.css";
import "../../styles/keyframe.css";
import "../../styles/findings.css";
import { readBoot } from "../../boot";
import { setWords } from "../../words";
import { FindingsApp } from "./app";

const boot = readBoot(document);
setWords(boot.words);
const root = document.getElementById("app");
if (root === null) throw new Error("page: #app missing");
void new FindingsApp(root, boot).start();
