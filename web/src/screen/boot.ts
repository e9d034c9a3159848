import { type Boot, readBoot } from "../boot";
import type { ScreenUrls } from "./api";
import type { District } from "./layerinfo";

/** What the screen's template hands over beside what every page gets. */
export interface ScreenBoot extends Boot {
  urls: Boot["urls"] & ScreenUrls;
  /** The districts within what the user may see. */
  districts: District[];
}

/** "District" behind each name in a list of districts would be a word without news. */
function short(district: District): District {
  return { ...district, name: district.name.replace(/ District$/, "") };
}

/** Reads the boot data from the page; throws an `Error` naming what is missing. */
export function readScreenBoot(page: Document): ScreenBoot {
  const boot = readBoot(page);
  const given = JSON.parse(page.getElementById("boot")?.textContent ?? "{}") as Partial<ScreenBoot>;
  const urls = boot.urls as Partial<ScreenBoot["urls"]>;
  const { layers, grids, ask, modules, search, statistics, alerts, charts, tilesets, map, walls, director, past } = urls;
  if (!layers || !grids || !ask || !modules || !search || !statistics || !alerts || !charts || !tilesets || !map || !walls || !director || !past) {
    throw new Error("boot data: addresses of the screen missing");
  }
  const addresses = { layers, grids, ask, modules, search, statistics, alerts, charts, tilesets, map, walls, director, past };
  return { ...boot, urls: { ...boot.urls, ...addresses }, districts: (given.districts ?? []).map(short) };
}
