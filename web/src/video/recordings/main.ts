import "@fontsource-variable/noto-sans-sc";
import "../../styles/page.css";
import "../../styles/page-top.css";
import "../../styles/recordings.css";
import "../../styles/recordings-side.css";
import { readBoot } from "../../boot";
import { setWords } from "../../words";
import type { RecordingsBoot } from "./api";
import { RecordingsApp } from "./app";

const boot = readBoot(document) as RecordingsBoot;
if (!boot.urls.recordings) throw new Error("boot data: address of the recordings missing");
setWords(boot.words);
const root = document.getElementById("app");
if (root === null) throw new Error("page: #app missing");
void new RecordingsApp(root, boot).start();
