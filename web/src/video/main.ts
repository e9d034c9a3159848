import "@fontsource-variable/noto-sans-sc";
import "../styles/page.css";
import "../styles/video.css";
import "../styles/videopage.css";
import { readBoot } from "../boot";
import { setWords } from "../words";
import { VideoApp } from "./app";

const boot = readBoot(document);
setWords(boot.words);
const root = document.getElementById("app");
if (root === null) throw new Error("page: #app missing");
void new VideoApp(root, boot).start();
