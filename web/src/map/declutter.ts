/** A rectangle around its middle, pixels. */
export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** A text's box where it would stand unshifted. */
export interface Wish extends Box {
  /** No shift further than this. */
  reach: number;
}

export type Shift = readonly [dx: number, dy: number];

function touches(a: Box, b: Box): boolean {
  return Math.abs(a.x - b.x) * 2 < a.width + b.width && Math.abs(a.y - b.y) * 2 < a.height + b.height;
}

/**
 * Finds room for texts, the important ones first: no two touch, and each covers as few marks as it can.
 *
 * @param shifts places each may take, the best liked first
 * @param marks what should not be covered
 * @param taken texts that already stand; grows by those that found room
 * @returns the shift of each text; null where there is no room for it
 */
export function findRoom(
  wishes: readonly Wish[],
  shifts: readonly Shift[],
  marks: readonly Box[],
  taken: Box[],
): (Shift | null)[] {
  return wishes.map(({ reach, ...wish }) => {
    let best: Shift | null = null;
    let fewest = Number.POSITIVE_INFINITY;
    for (const shift of shifts) {
      if (Math.hypot(...shift) > reach) continue;
      const box = { ...wish, x: wish.x + shift[0], y: wish.y + shift[1] };
      if (taken.some((other) => touches(box, other))) continue;
      const covered = marks.reduce((sum, mark) => sum + Number(touches(box, mark)), 0);
      if (covered >= fewest) continue;
      best = shift;
      fewest = covered;
    }
    if (best !== null) taken.push({ ...wish, x: wish.x + best[0], y: wish.y + best[1] });
    return best;
  });
}

/** Width of a text in ems: an ideograph takes one, a Latin letter a little more than half. */
export function widthInEms(text: string): number {
  let ems = 0;
  for (const letter of text) ems += (letter.codePointAt(0) ?? 0) >= 0x2e80 ? 1 : 0.58;
  return ems;
}
