import { type Boot, readBoot } from "../boot";
import type { District } from "../screen/layerinfo";

/** A district with the rings that draw it: [[lon, lat], …] in degrees. */
export interface OutlinedDistrict extends District {
  outline: [lon: number, lat: number][][];
}

/** Addresses of what a tablet asks for; all of the same origin. */
export interface DirectorUrls {
  layers: string;
  search: string;
  scenes: string;
  tours: string;
  walls: string;
  map: string;
  screen: string;
}

export interface DirectorBoot extends Boot {
  urls: Boot["urls"] & DirectorUrls;
  districts: OutlinedDistrict[];
}

/** Reads the boot data from the page. */
export function readDirectorBoot(page: Document): DirectorBoot {
  const boot = readBoot(page);
  const given = JSON.parse(page.getElementById("boot")?.textContent ?? "{}") as Partial<DirectorBoot>;
  const urls = boot.urls as DirectorBoot["urls"];
  if (!urls.walls || !urls.scenes || !urls.tours || !urls.layers || !urls.search) {
    throw new Error("boot data: addresses of the director missing");
  }
  return { ...boot, urls, districts: given.districts ?? [] };
}
