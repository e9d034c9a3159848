import { Clock } from "../../time";

/** The clock of what the map shows: the present's, or one moment of the past. */
export class MapClock extends Clock {
  /** The moment shown, ms since 1970 UTC; null: the present. */
  at: number | null = null;

  constructor(
    language: string,
    timeZone: string | undefined,
    private readonly present: Clock,
  ) {
    super(language, timeZone);
  }

  override now(): number {
    return this.at ?? this.present.now();
  }

  override fromLocal(local: number): number {
    return this.present.fromLocal(local);
  }
}

function parts(ms: number, timeZone: string): Record<string, string> {
  const format = new Intl.DateTimeFormat("en-CA", {
    timeZone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit",
    second: "2-digit",
  });
  return Object.fromEntries(format.formatToParts(ms).map(({ type, value }) => [type, value]));
}

/** A moment as a date-time field holds it (`2026-11-21T14:03:20`), in the city's zone, whatever this computer's is. */
export function toField(ms: number, timeZone: string): string {
  const { year, month, day, hour, minute, second } = parts(ms, timeZone);
  return `${year}-${month}-${day}T${hour}:${minute}:${second}`;
}

/** The moment that a date-time field holds; null for an empty or unfinished one. */
export function fromField(text: string, timeZone: string): number | null {
  const wall = Date.parse(`${text}Z`);
  if (Number.isNaN(wall)) return null;
  // The zone's offset at about that time; once more, for the guess may lie beyond a change of it.
  let ms = wall;
  for (let round = 0; round < 2; round++) ms = wall - (Date.parse(`${toField(ms, timeZone)}Z`) - ms);
  return ms;
}
