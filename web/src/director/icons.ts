const SVG = "http://www.w3.org/2000/svg";

/** Outlines on a 24-pixel grid. */
const SHAPES = {
  previous: "M6 5h2.5v14H6zM20 5v14l-10-7z",
  next: "M15.5 5H18v14h-2.5zM4 5v14l10-7z",
  play: "M7 4v16l13-8z",
  pause: "M6 5h4v14H6zM14 5h4v14h-4z",
  stop: "M6 6h12v12H6z",
} as const;

/** A sign that every tablet has, whatever its fonts. */
export function icon(name: keyof typeof SHAPES): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", SHAPES[name]);
  svg.append(path);
  return svg;
}
