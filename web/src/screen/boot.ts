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
  const { layers, search, alerts, tilesets, map } = urls;
  if (!layers || !search || !alerts || !tilesets || !map) throw new Error("boot data: addresses of the screen missing");
  return { ...boot, urls: { ...boot.urls, layers, search, alerts, tilesets, map }, districts: (given.districts ?? []).map(short) };
}
