import { type DutyAnswer, fetchDuty, fetchWeather, type Shift, type WeatherAnswer } from "../api";
import type { BootUrls } from "../boot";
import { h, setText } from "../dom";
import type { Clock } from "../time";
import { t } from "../words";

const EVERY_MS = 60_000;

/** Shifts that last at `now` (ms), as the server ordered them. */
export function lasting(shifts: readonly Shift[], now: number): Shift[] {
  return shifts.filter((shift) => Date.parse(shift.starts_at) <= now && now < Date.parse(shift.ends_at));
}

/** `18.5 ℃`, `-3 ℃` */
export function degrees(celsius: number): string {
  return `${Math.round(celsius * 10) / 10} ℃`;
}

/** Weather and who is on duty, in the top line; each opens to what stands behind it. */
export class Watch {
  readonly weather = h("details", { class: "watch weather", hidden: true });
  readonly duty = h("details", { class: "watch duty", hidden: true });
  /** For whoever keeps the roster while there is nobody on it. */
  readonly enter = h("a", { class: "watch plain", hidden: true }, t("登记值班"));
  private readonly sky = h("summary", {});
  private readonly skyLines = h("dl", { class: "watch-lines" });
  private readonly who = h("summary", {});
  private readonly whoLines = h("ul", { class: "watch-lines" });
  private district = "";
  private dutyTold: DutyAnswer | null = null;
  private weatherTold: WeatherAnswer | null = null;

  constructor(
    private readonly urls: BootUrls,
    private readonly clock: Clock,
  ) {
    this.weather.append(this.sky, h("div", { class: "watch-more" }, this.skyLines));
    this.duty.append(this.who, h("div", { class: "watch-more" }, this.whoLines));
  }

  start(): void {
    void this.read();
    setInterval(() => {
      if (!document.hidden) void this.read();
    }, EVERY_MS);
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) void this.read();
    });
  }

  /** Tells of one district (code) from now on; "": of everything. */
  look(district: string): void {
    this.district = district;
    void this.read();
  }

  /** Closes what is open; false: nothing was. */
  close(): boolean {
    const open = [this.weather, this.duty].filter((part) => part.open);
    for (const part of open) part.open = false;
    return open.length > 0;
  }

  /** To be called every second: shifts end and reports grow old while nobody answers, too. */
  tick(): void {
    this.showDuty();
    this.showWeather();
  }

  private async read(): Promise<void> {
    const { district } = this;
    const [duty, weather] = await Promise.allSettled([
      fetchDuty(this.urls.duty, district),
      fetchWeather(this.urls.weather, district),
    ]);
    if (district !== this.district) return;
    if (duty.status === "fulfilled") {
      this.dutyTold = duty.value;
      this.listDuty();
    }
    if (weather.status === "fulfilled") {
      this.weatherTold = weather.value;
      this.listWeather();
    }
    this.tick();
  }

  private showDuty(): void {
    const told = this.dutyTold;
    if (told === null) return;
    const now = lasting(told.shifts, this.clock.now());
    this.duty.hidden = now.length === 0;
    this.enter.hidden = now.length > 0 || told.desk === "";
    if (told.desk !== "") this.enter.href = told.desk;
    const name = now[0]?.name ?? "";
    setText(this.who, now.length > 1 ? t("值班 {name} 等 {n} 人", { name, n: now.length }) : t("值班 {name}", { name }));
  }

  private listDuty(): void {
    const told = this.dutyTold;
    const rows = (told?.shifts ?? []).map(({ name, title, region, telephone, reveal, ends_at }) => {
      const until = t("至 {time}", { time: this.clock.dayAndMinute(Date.parse(ends_at)) });
      return h(
        "li",
        {},
        h("strong", {}, name),
        h("span", { class: "quiet" }, [title, region, until].filter(Boolean).join(" · ")),
        telephone ? h("span", {}, telephone, " ", reveal ? h("a", { href: reveal, class: "plain" }, t("查看号码")) : null) : null,
      );
    });
    const source = h("li", { class: "quiet" }, told?.desk ? h("a", { href: told.desk, class: "plain" }, t("值班表")) : t("来源：值班表"));
    this.whoLines.replaceChildren(...rows, source);
  }

  private showWeather(): void {
    const told = this.weatherTold;
    if (told === null) return;
    const { report } = told;
    this.weather.hidden = report === null;
    if (report === null) return;
    const at = Date.parse(report.observed_at);
    const isStale = this.clock.now() - at > told.stale_after_s * 1000;
    const parts = [report.region, report.condition_name, report.temperature_c === null ? "" : degrees(report.temperature_c)];
    const age = this.clock.ago(at);
    setText(this.sky, [...parts, isStale ? `· ${age}` : ""].filter(Boolean).join(" "));
    this.weather.classList.toggle("stale", isStale);
    const source = t("{source} {time} 观测", { source: report.source, time: age });
    if (this.sky.title !== source) this.sky.title = source;
  }

  private listWeather(): void {
    const report = this.weatherTold?.report;
    if (!report) return;
    const speed = report.wind_speed_m_s === null ? "" : `${Math.round(report.wind_speed_m_s * 10) / 10} m/s`;
    const lines: [string, string][] = [
      [t("天气"), report.condition_name],
      [t("气温"), report.temperature_c === null ? "" : degrees(report.temperature_c)],
      [t("风"), [report.wind_name, speed].filter(Boolean).join(" ")],
      [t("范围"), report.region || t("全域")],
      [t("观测"), this.clock.dayAndMinute(Date.parse(report.observed_at))],
      [t("来源"), report.source],
    ];
    this.skyLines.replaceChildren(
      ...lines.filter(([, value]) => value !== "").flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
    );
  }
}
