/** What the page's template hands over in `<script type="application/json" id="boot">`. */
export interface Boot {
  /** Where the map starts: [longitude, latitude] in degrees. */
  center: [number, number];
  /** The city (or the user's scope): [west, south, east, north] in degrees. */
  bounds: [number, number, number, number];
  /** Language code as Django names it: `zh-hans` or `en`. */
  language: string;
  /** Languages to switch between. */
  languages: { code: string; name: string }[];
  /** IANA name of the city's time zone; the clock shows the city's time wherever the screen stands. */
  time_zone: string | undefined;
  /** Name of the city or scope shown in the top line. */
  city: string;
  /** Translations keyed by Chinese msgid; empty in Chinese. */
  words: Record<string, string>;
  /** CSRF token for the sign-out and language forms. */
  csrf: string;
  /** Pages that this person has a use for, in the order of menus. */
  pages: { name: string; address: string }[];
  user: { id?: number; name: string; roles: string[] };
  /** Source of the boundaries, shown in the map's corner. */
  attribution: string;
  urls: BootUrls;
}

/** Addresses, all of the same origin. The optional ones hide their control when absent. */
export interface BootUrls {
  live: string;
  assets: string;
  annotations: string;
  tiles: string;
  basemaps: string;
  duty: string;
  weather: string;
  video: string;
  sign_in: string;
  sign_out?: string;
  set_language?: string;
}

type BootJson = Partial<Omit<Boot, "urls">> & { urls?: Partial<BootUrls> };

/** Completes what the template sent; throws an `Error` naming what is missing. */
export function completeBoot(given: BootJson): Boot {
  if (!given.bounds || given.bounds.length !== 4 || !given.bounds.every(Number.isFinite)) {
    throw new Error("boot data: bounds [west, south, east, north] missing");
  }
  const [west, south, east, north] = given.bounds;
  return {
    center: given.center ?? [(west + east) / 2, (south + north) / 2],
    bounds: given.bounds,
    language: given.language ?? "zh-hans",
    languages: given.languages ?? [
      { code: "zh-hans", name: "中文" },
      { code: "en", name: "English" },
    ],
    time_zone: given.time_zone,
    city: given.city ?? "",
    words: given.words ?? {},
    csrf: given.csrf ?? "",
    pages: given.pages ?? [],
    user: given.user ?? { name: "", roles: [] },
    attribution: given.attribution ?? "",
    urls: {
      live: "/live",
      assets: "/api/v1/assets",
      annotations: "/api/v1/annotations",
      tiles: "/tiles",
      basemaps: "/basemaps/catalog.json",
      duty: "/api/v1/duty",
      weather: "/api/v1/weather",
      video: "/api/v1/video",
      sign_in: "/",
      ...given.urls,
    },
  };
}

/** The session is over: to the sign-in page, and back here afterwards. */
export function signIn(urls: BootUrls): void {
  const address = new URL(urls.sign_in, window.location.href);
  address.searchParams.set("next", window.location.pathname);
  window.location.assign(address);
}

/** Reads the boot data from the page. */
export function readBoot(page: Document): Boot {
  const element = page.getElementById("boot");
  if (!element?.textContent) throw new Error("boot data: <script id=\"boot\"> missing");
  return completeBoot(JSON.parse(element.textContent) as BootJson);
}
