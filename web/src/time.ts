import { t } from "./words";

const HOUR_S = 3600;

/** Writes times in the city's zone and the page's language. */
export class Clock {
  /** Milliseconds to add to this computer's clock to have the server's. */
  private offset = 0;
  private readonly seconds: Intl.DateTimeFormat;
  private readonly minutes: Intl.DateTimeFormat;
  private readonly day: Intl.DateTimeFormat;
  private readonly moment: Intl.DateTimeFormat;
  private readonly whole: Intl.DateTimeFormat;

  constructor(language: string, timeZone?: string) {
    const locale = language === "zh-hans" ? "zh-CN" : language;
    const common = { timeZone, hourCycle: "h23" } as const;
    this.seconds = new Intl.DateTimeFormat(locale, { ...common, hour: "2-digit", minute: "2-digit", second: "2-digit" });
    this.minutes = new Intl.DateTimeFormat(locale, { ...common, hour: "2-digit", minute: "2-digit" });
    this.day = new Intl.DateTimeFormat(locale, { timeZone, month: "long", day: "numeric", weekday: "short" });
    this.moment = new Intl.DateTimeFormat(locale, {
      ...common, month: "numeric", day: "numeric", hour: "2-digit", minute: "2-digit",
    });
    this.whole = new Intl.DateTimeFormat("en-US", {
      ...common, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit",
    });
  }

  /** Takes the server's time (ms since 1970 UTC) from a message that has just arrived. */
  hear(serverTime: number): void {
    this.offset = serverTime - Date.now();
  }

  /** The server's time now, ms since 1970 UTC. */
  now(): number {
    return Date.now() + this.offset;
  }

  /** This computer's time (ms) as the server's. */
  fromLocal(local: number): number {
    return local + this.offset;
  }

  /** When the present day began in the city, ms since 1970 UTC. */
  midnight(): number {
    const now = Math.floor(this.now() / 1000) * 1000;
    const part = Object.fromEntries(this.seconds.formatToParts(now).map(({ type, value }) => [type, Number(value)]));
    return now - ((part.hour * 60 + part.minute) * 60 + part.second) * 1000;
  }

  /** `14:03:27` */
  time(ms: number): string {
    return this.seconds.format(ms);
  }

  /** `14:03` */
  minute(ms: number): string {
    return this.minutes.format(ms);
  }

  /** `11月20日 14:03` */
  dayAndMinute(ms: number): string {
    return this.moment.format(ms);
  }

  /** `11月20日 周四` */
  date(ms: number): string {
    return this.day.format(ms);
  }

  /** `2026-11-20T14:03`, as a form's field for a moment has it. */
  field(ms: number): string {
    const part = Object.fromEntries(this.whole.formatToParts(ms).map(({ type, value }) => [type, value]));
    return `${part.year}-${part.month}-${part.day}T${part.hour}:${part.minute}`;
  }

  /** The moment that such a field says, ms since 1970 UTC. */
  fromField(text: string): number {
    const asUtc = Date.parse(`${text}Z`);
    const minute = Math.floor(asUtc / 60_000) * 60_000;
    return asUtc - (Date.parse(`${this.field(minute)}Z`) - minute);
  }

  /** Relative while fresh (`12 秒前`), absolute after an hour. */
  ago(ms: number): string {
    const age = Math.max(0, Math.floor((this.now() - ms) / 1000));
    if (age < 60) return t("{n} 秒前", { n: age });
    if (age < HOUR_S) return t("{n} 分钟前", { n: Math.floor(age / 60) });
    return this.moment.format(ms);
  }
}
