const PAGE = "/video/recordings/";

/** Where the recordings of an alert are looked at, from its moment on; what was before it lies left of the needle. */
export const recordingsOfAlert = (alert: number, at: number): string => `${PAGE}?alert=${alert}&at=${Math.round(at)}`;

/** Where the recordings of a camera on the map are looked at; `at`: from when on, null: the last of them. */
export const recordingsOfAsset = (asset: number, at: number | null = null): string =>
  `${PAGE}?asset=${asset}${at === null ? "" : `&at=${Math.round(at)}`}`;
