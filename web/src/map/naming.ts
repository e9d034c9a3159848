import { fetchAsset } from "../api";

/** A name older than this is read again: things are renamed, and a wall is never reloaded. */
const FRESH_MS = 300_000;
/** After a failure nothing is asked for this long. */
const PAUSE_MS = 10_000;
const AT_ONCE = 4;

/** Names of things, which the live frames do not carry: read one by one, for the few that are near, and kept. */
export class Naming {
  private readonly names = new Map<number, { name: string; at: number }>();
  private readonly asking = new Set<number>();
  private wanted: number[] = [];
  private pausedUntil = 0;

  /** @param onName called when a name has come */
  constructor(
    private readonly assetsUrl: string,
    private readonly onName: () => void,
  ) {}

  /** The name, "" while it is not known. */
  nameOf(id: number): string {
    return this.names.get(id)?.name ?? "";
  }

  /** Asks for these names; what was wanted before and is not among them is no longer. */
  want(ids: readonly number[]): void {
    const now = Date.now();
    this.wanted = ids.filter((id) => now - (this.names.get(id)?.at ?? 0) > FRESH_MS);
    this.ask();
  }

  private ask(): void {
    while (this.asking.size < AT_ONCE && Date.now() >= this.pausedUntil) {
      const id = this.wanted.shift();
      if (id === undefined) return;
      if (!this.asking.has(id)) void this.read(id);
    }
  }

  private async read(id: number): Promise<void> {
    this.asking.add(id);
    try {
      const { name, code } = await fetchAsset(this.assetsUrl, id);
      this.names.set(id, { name: name || code, at: Date.now() });
      this.onName();
    } catch {
      // A thing without its name is still a thing; the card tells what is wrong, and the connection light.
      this.pausedUntil = Date.now() + PAUSE_MS;
    } finally {
      this.asking.delete(id);
    }
    this.ask();
  }
}
