import { type Boot, readBoot } from "../boot";

export interface AttributeInfo {
  key: string;
  title: string;
  kind: "text" | "number" | "choice";
  unit: string;
  choices: [value: string, title: string][];
}

export interface KindInfo {
  key: string;
  name: string;
  attributes: AttributeInfo[];
}

export interface DatumInfo {
  name: string;
  title: string;
}

export interface PlanBoot extends Boot {
  urls: Boot["urls"] & { plan: string; search: string };
  kinds: KindInfo[];
  datums: DatumInfo[];
}

/** Reads the boot data from the page. */
export function readPlanBoot(page: Document): PlanBoot {
  const boot = readBoot(page);
  const given = JSON.parse(page.getElementById("boot")?.textContent ?? "{}") as Partial<PlanBoot>;
  const urls = boot.urls as PlanBoot["urls"];
  if (!urls.plan || !given.kinds || !given.datums) throw new Error("boot data: what the planners' desk needs is missing");
  return { ...boot, urls, kinds: given.kinds, datums: given.datums };
}
