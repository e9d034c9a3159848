import type { KeptValues } from "./filters";

/** What a screen remembers of how its user left it. */
export interface Remembered {
  /** Layers that were switched, by id. */
  layers: Record<string, boolean>;
  filters: KeptValues;
  /** Whether tracks are drawn behind what moves. */
  isTrailing: boolean;
}

const NOTHING: Remembered = { layers: {}, filters: {}, isTrailing: false };

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Keeps it in the browser, one entry a user: a wall and the officer's own desk are left differently. */
export class Memory {
  private readonly key: string;

  constructor(
    user: string | number,
    private readonly storage: Pick<Storage, "getItem" | "setItem">,
  ) {
    this.key = `sandtable.screen/${user}`;
  }

  /** What was remembered; whatever cannot be read counts as not remembered. */
  read(): Remembered {
    try {
      const found: unknown = JSON.parse(this.storage.getItem(this.key) ?? "{}");
      if (!isRecord(found)) return NOTHING;
      const layers = isRecord(found.layers) ? found.layers : {};
      const filters = isRecord(found.filters) ? found.filters : {};
      return {
        layers: Object.fromEntries(Object.entries(layers).filter((entry): entry is [string, boolean] => typeof entry[1] === "boolean")),
        filters: Object.fromEntries(Object.entries(filters).filter(([, fields]) => isRecord(fields))) as KeptValues,
        isTrailing: found.isTrailing === true,
      };
    } catch {
      return NOTHING;
    }
  }

  write(remembered: Remembered): void {
    try {
      this.storage.setItem(this.key, JSON.stringify(remembered));
    } catch {
      // A browser that keeps nothing shows the defaults the next time.
    }
  }
}
