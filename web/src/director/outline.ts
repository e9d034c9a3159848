import type { OutlinedDistrict } from "./boot";
import type { SceneView } from "./protocol";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 400;
/** A 512-pixel tile and a wall some 1900 pixels wide: how much of the world the wall shows across at zoom 0. */
const WORLD_WIDTHS = 1900 / 512;
const SMALLEST_MARK = 7;

function make<K extends keyof SVGElementTagNameMap>(tag: K, attributes: Record<string, string | number>): SVGElementTagNameMap[K] {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  return element;
}

/** The districts as lines, with a frame where the wall looks. A touch on a district is a wish to look into it. */
export class Outline {
  readonly element: SVGSVGElement;
  private readonly paths = new Map<string, SVGPathElement>();
  private readonly frame = make("rect", { class: "outline-frame", rx: 2 });
  private readonly west: number;
  private readonly north: number;
  private readonly unit: number;
  private readonly squeeze: number;

  /** @param bounds west, south, east, north in degrees */
  constructor(districts: readonly OutlinedDistrict[], bounds: readonly [number, number, number, number], onPick: (code: string) => void) {
    const [west, south, east, north] = bounds;
    this.west = west;
    this.north = north;
    // A degree of longitude is shorter than one of latitude.
    this.squeeze = Math.cos((((south + north) / 2) * Math.PI) / 180);
    this.unit = WIDTH / ((east - west) * this.squeeze);
    const height = (north - south) * this.unit;
    this.element = make("svg", { class: "outline", viewBox: `-4 -4 ${WIDTH + 8} ${height + 8}`, "aria-hidden": "true" });
    for (const { code, outline } of districts) {
      const rings = outline.map((ring) => `M${ring.map((place) => this.place(place).map((n) => n.toFixed(1)).join(" ")).join("L")}Z`);
      const path = make("path", { class: "outline-district", d: rings.join("") });
      path.addEventListener("click", () => onPick(code));
      this.paths.set(code, path);
      this.element.append(path);
    }
    this.element.append(this.frame);
  }

  /** Shows where a wall looks and which district it looks into. */
  show(view: SceneView | undefined, district: string): void {
    for (const [code, path] of this.paths) path.classList.toggle("chosen", code === district);
    this.frame.classList.toggle("nowhere", view === undefined);
    if (view === undefined) return;
    const [x, y] = this.place([view.lon, view.lat]);
    const width = Math.max(SMALLEST_MARK, ((360 * WORLD_WIDTHS) / 2 ** view.zoom) * this.squeeze * this.unit);
    const height = Math.max(SMALLEST_MARK, width * 0.45);
    const box = { x: x - width / 2, y: y - height / 2, width, height };
    for (const [name, value] of Object.entries(box)) this.frame.setAttribute(name, value.toFixed(1));
  }

  private place([lon, lat]: readonly [number, number]): [x: number, y: number] {
    return [(lon - this.west) * this.squeeze * this.unit, (this.north - lat) * this.unit];
  }
}
