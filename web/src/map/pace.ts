/** At most this many drawings a second while things glide. */
const FASTEST_MS = 33;
const SLOWEST_MS = 250;
/** deck.gl draws glides only above this zoom (see `GlideExtension`). */
const GLIDE_ZOOM = 12;
/** Width of the world at zoom 0, pixels per degree of longitude. */
const PIXELS_PER_DEGREE = 512 / 360;

/**
 * Wait between two drawings while the longest glide is `degrees` per second, ms: about two drawings for each pixel
 * it moves; null when nothing would be seen to move.
 */
export function drawingInterval(degrees: number, zoom: number): number | null {
  if (degrees === 0 || zoom <= GLIDE_ZOOM) return null;
  const pixels = degrees * PIXELS_PER_DEGREE * 2 ** zoom;
  if (pixels < 1) return null;
  return Math.min(SLOWEST_MS, Math.max(FASTEST_MS, 1000 / (pixels * 2)));
}
