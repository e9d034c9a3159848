/** Geometries of GeoJSON as the desk needs them; degrees of WGS 84, longitude first. */
export type Point = [lon: number, lat: number];
export type Ring = Point[];

export type Geometry =
  | { type: "Point"; coordinates: Point }
  | { type: "MultiPoint"; coordinates: Point[] }
  | { type: "LineString"; coordinates: Ring }
  | { type: "MultiLineString"; coordinates: Ring[] }
  | { type: "Polygon"; coordinates: Ring[] }
  | { type: "MultiPolygon"; coordinates: Ring[][] };

export type Sort = "point" | "line" | "polygon";

/** A piece that is drawn and edited by itself: a point, a line, or one ring of a polygon. */
export interface Piece {
  sort: Sort;
  /** Which polygon a ring belongs to. */
  part: number;
  points: Ring;
}

/** How a shape was drawn, where numbers say it better than its points. */
export interface Figure {
  type: "circle" | "sector" | "rectangle" | "corridor";
  lon?: number;
  lat?: number;
  radius_m?: number;
  inner_m?: number;
  from_deg?: number;
  to_deg?: number;
  width_m?: number;
  height_m?: number;
  bearing_deg?: number;
  line?: Geometry;
}

const EARTH_M = 6_371_008.8;
/** What the drawing library keeps: a tenth of a millimetre. */
const DIGITS = 1e9;

export function sortOf({ type }: Geometry): Sort {
  if (type.endsWith("Point")) return "point";
  return type.endsWith("LineString") ? "line" : "polygon";
}

/** A shape in pieces; {@link assemble} puts them together again. */
export function piecesOf(shape: Geometry): Piece[] {
  switch (shape.type) {
    case "Point":
      return [{ sort: "point", part: 0, points: [shape.coordinates] }];
    case "MultiPoint":
      return shape.coordinates.map((point, part) => ({ sort: "point", part, points: [point] }));
    case "LineString":
      return [{ sort: "line", part: 0, points: shape.coordinates }];
    case "MultiLineString":
      return shape.coordinates.map((points, part) => ({ sort: "line", part, points }));
    case "Polygon":
      return shape.coordinates.map((points) => ({ sort: "polygon", part: 0, points }));
    case "MultiPolygon":
      return shape.coordinates.flatMap((rings, part) => rings.map((points): Piece => ({ sort: "polygon", part, points })));
  }
}

/** The shape of some pieces, all of one sort; null: there are none. Of a polygon's rings the first is the outer one. */
export function assemble(pieces: readonly Piece[]): Geometry | null {
  if (pieces.length === 0) return null;
  const [{ sort }] = pieces;
  if (sort === "point") {
    const points = pieces.map((piece) => piece.points[0]);
    return points.length === 1 ? { type: "Point", coordinates: points[0] } : { type: "MultiPoint", coordinates: points };
  }
  if (sort === "line") {
    const lines = pieces.map((piece) => piece.points);
    return lines.length === 1 ? { type: "LineString", coordinates: lines[0] } : { type: "MultiLineString", coordinates: lines };
  }
  const parts = new Map<number, Ring[]>();
  for (const piece of pieces) parts.set(piece.part, [...(parts.get(piece.part) ?? []), piece.points]);
  const polygons = [...parts.values()];
  return polygons.length === 1 ? { type: "Polygon", coordinates: polygons[0] } : { type: "MultiPolygon", coordinates: polygons };
}

/** Two shapes of one sort as one; another sort takes the first one's place. */
export function joined(shape: Geometry | null, more: Geometry): Geometry {
  if (shape === null || sortOf(shape) !== sortOf(more)) return more;
  const pieces = piecesOf(shape);
  const next = Math.max(...pieces.map(({ part }) => part)) + 1;
  return assemble([...pieces, ...piecesOf(more).map((piece) => ({ ...piece, part: piece.part + next }))]) ?? more;
}

export function pointsOf(shape: Geometry): Ring {
  return piecesOf(shape).flatMap(({ points }) => points);
}

/** [west, south, east, north] */
export function boundsOf(shape: Geometry): [number, number, number, number] {
  const points = pointsOf(shape);
  const lon = points.map(([x]) => x);
  const lat = points.map(([, y]) => y);
  return [Math.min(...lon), Math.min(...lat), Math.max(...lon), Math.max(...lat)];
}

/** As exact as the drawing library takes it. */
export function rounded(points: Ring): Ring {
  return points.map(([lon, lat]) => [Math.round(lon * DIGITS) / DIGITS, Math.round(lat * DIGITS) / DIGITS]);
}

/** Metres between two places, on a sphere. */
export function distanceM([lon1, lat1]: Point, [lon2, lat2]: Point): number {
  const [a1, a2] = [radians(lat1), radians(lat2)];
  const s = Math.sin((a2 - a1) / 2) ** 2 + Math.cos(a1) * Math.cos(a2) * Math.sin(radians(lon2 - lon1) / 2) ** 2;
  return 2 * EARTH_M * Math.asin(Math.min(1, Math.sqrt(s)));
}

/** The direction from one place to another, degrees clockwise from north, 0 to 360. */
export function bearingDeg([lon1, lat1]: Point, [lon2, lat2]: Point): number {
  const [a1, a2, d] = [radians(lat1), radians(lat2), radians(lon2 - lon1)];
  const bearing = Math.atan2(Math.sin(d) * Math.cos(a2), Math.cos(a1) * Math.sin(a2) - Math.sin(a1) * Math.cos(a2) * Math.cos(d));
  return ((bearing * 180) / Math.PI + 360) % 360;
}

function radians(deg: number): number {
  return (deg * Math.PI) / 180;
}

function middle(points: Ring): Point {
  const [west, south, east, north] = boundsOf({ type: "LineString", coordinates: points });
  return [(west + east) / 2, (south + north) / 2];
}

const tenth = (value: number): number => Math.round(value * 10) / 10;
const place = ([lon, lat]: Point): { lon: number; lat: number } => ({ lon: Number(lon.toFixed(8)), lat: Number(lat.toFixed(8)) });

/** What a ring that was drawn as a circle, sector or rectangle says in numbers: to a tenth of a metre and of a degree. */
export function figureOf(tool: string, ring: Ring): Figure | null {
  const corners = ring.slice(0, -1);
  if (tool === "circle") {
    const centre = middle(corners);
    return { type: "circle", ...place(centre), radius_m: tenth(distanceM(centre, corners[0])) };
  }
  if (tool === "sector") {
    const [centre, ...arc] = corners;
    const bearings = arc.map((point) => bearingDeg(centre, point));
    // The drawing library runs either way; ours clockwise.
    const isClockwise = (bearings[1] - bearings[0] + 360) % 360 < 180;
    const [from, to] = isClockwise ? [bearings[0], bearings[bearings.length - 1]] : [bearings[bearings.length - 1], bearings[0]];
    return { type: "sector", ...place(centre), radius_m: tenth(distanceM(centre, arc[0])), from_deg: tenth(from), to_deg: tenth(to), inner_m: 0 };
  }
  if (tool === "rectangle" || tool === "angled-rectangle") {
    const [a, b, c] = corners;
    const bearing = tool === "rectangle" ? 0 : bearingDeg(b, c);
    const sides = [distanceM(a, b), distanceM(b, c)];
    const isUpright = tool !== "rectangle" || Math.abs(a[1] - b[1]) < 1e-12;
    const [width, height] = isUpright ? sides : [sides[1], sides[0]];
    return { type: "rectangle", ...place(middle(corners)), width_m: tenth(width), height_m: tenth(height), bearing_deg: tenth(bearing) };
  }
  return null;
}

/** The same figure somewhere else, so many degrees east and north. */
export function moved(figure: Figure, east: number, north: number): Figure {
  return { ...figure, ...place([(figure.lon ?? 0) + east, (figure.lat ?? 0) + north]) };
}
