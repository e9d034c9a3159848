import "@fontsource-variable/noto-sans-sc";
import "maplibre-gl/dist/maplibre-gl.css";
import "../styles/mapsigns.css";
import "../styles/plan.css";
import "../styles/plan-panes.css";
import { setWords } from "../words";
import { PlanApp } from "./app";
import { readPlanBoot } from "./boot";

const boot = readPlanBoot(document);
setWords(boot.words);
const root = document.getElementById("app");
if (root === null) throw new Error("page: #app missing");
void new PlanApp(root, boot).start();
