/** West, south, east and north in degrees. */
export type Box = [west: number, south: number, east: number, north: number];

/** So much of a view's width and height is read around it: small moves ask for nothing. */
const ROOM = 0.5;
/** Of a part read incompletely, views that are so much narrower are read anew: more of it fits. */
const CLOSER = 0.6;

/** The part of the map whose annotations are here. */
export class Window {
  private box: Box | null = null;
  private isWhole = false;

  /** What has to be read for a view; null: it is here. */
  wanted(view: Box): Box | null {
    const { box } = this;
    const isInside = box !== null && view[0] >= box[0] && view[1] >= box[1] && view[2] <= box[2] && view[3] <= box[3];
    const isCloser = isInside && (view[2] - view[0]) * (1 + 2 * ROOM) < (box[2] - box[0]) * CLOSER;
    return isInside && (this.isWhole || !isCloser) ? null : grown(view);
  }

  /** A part was read; `isWhole`: everything in it. */
  holds(box: Box, isWhole: boolean): void {
    this.box = box;
    this.isWhole = isWhole;
  }

  /** What is here does not count any more. */
  forget(): void {
    this.box = null;
  }
}

/** A box as addresses have it. */
export function boxText(box: Box): string {
  return box.map((edge) => edge.toFixed(6)).join(",");
}

function grown([west, south, east, north]: Box): Box {
  const wide = (east - west) * ROOM;
  const high = (north - south) * ROOM;
  return [Math.max(-360, west - wide), Math.max(-90, south - high), Math.min(360, east + wide), Math.min(90, north + high)];
}
