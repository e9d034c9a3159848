/** Districts whose counts lie between two numbers, and how strongly they are filled: 0..1 of what the layer allows. */
export interface Shade {
  low: number;
  high: number;
  share: number;
}

const MOST_SHADES = 5;
const FAINTEST = 0.15;

/**
 * Groups of about as many districts each, from the fewest to the most, so that districts are told apart however close
 * their counts; equal counts are never parted. Districts with nothing have no shade. Exported files do the same
 * (`layers/shades.py`).
 */
export function shadesOf(counts: Iterable<number>): Shade[] {
  const sorted = [...counts].filter((count) => count > 0).sort((a, b) => a - b);
  const shades: Shade[] = [];
  for (let taken = 0; taken < sorted.length; ) {
    const free = MOST_SHADES - shades.length;
    // Where there are shades enough, each count has its own.
    const rest = new Set(sorted.slice(taken)).size <= free ? 1 : Math.ceil((sorted.length - taken) / free);
    const [low, high] = [sorted[taken] ?? 0, sorted[taken + rest - 1] ?? 0];
    shades.push({ low, high, share: 0 });
    taken = sorted.lastIndexOf(high) + 1;
  }
  shades.forEach((shade, i) => {
    shade.share = shades.length === 1 ? 1 : FAINTEST + ((1 - FAINTEST) * i) / (shades.length - 1);
  });
  return shades;
}

/** How strongly a district with so many is filled. */
export function shareOf(count: number, shades: readonly Shade[]): number {
  return shades.find(({ low, high }) => low <= count && count <= high)?.share ?? 0;
}
