import { t } from "../words";

/** How a value that devices report is written. */
interface Writing {
  name: string;
  /** The value in words, from a number already rounded. */
  write(number: string): string;
  digits: number;
}

function writingOf(key: string): Writing | null {
  const make = (name: string, digits: number, write: (number: string) => string): Writing => ({ name, digits, write });
  const percent = (n: string): string => `${n}%`;
  switch (key) {
    case "current_a":
      return make(t("电流"), 1, (n) => t("{n} 安", { n }));
    case "voltage_v":
      return make(t("电压"), 1, (n) => t("{n} 伏", { n }));
    case "power_w":
      return make(t("功率"), 0, (n) => t("{n} 瓦", { n }));
    case "gas_l_min":
      return make(t("气体流量"), 1, (n) => t("{n} 升/分", { n }));
    case "gas_pct":
      return make(t("气体余量"), 1, percent);
    case "battery_pct":
      return make(t("电量"), 0, percent);
    case "fuel_pct":
      return make(t("油量"), 0, percent);
    case "humidity_pct":
      return make(t("湿度"), 0, percent);
    case "temperature_c":
      return make(t("温度"), 1, (n) => `${n} ℃`);
    case "height_m":
      return make(t("离地高度"), 1, (n) => t("{n} 米", { n }));
    case "signal_dbm":
      return make(t("信号强度"), 0, (n) => t("{n} 分贝毫瓦", { n }));
    case "gimbal_pitch_deg":
      return make(t("云台俯仰"), 0, (n) => `${n}°`);
    case "gimbal_yaw_deg":
      return make(t("云台方位"), 0, (n) => `${n}°`);
    case "view_deg":
      return make(t("水平视场角"), 0, (n) => `${n}°`);
    case "view_v_deg":
      return make(t("竖直视场角"), 0, (n) => `${n}°`);
    default:
      return null;
  }
}

function plainValue(value: unknown): string {
  if (value === null || value === undefined || value === "") return "—";
  if (typeof value === "boolean") return value ? t("是") : t("否");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** Name and value of a reported attribute in words; devices may report any, and one nobody declared stays as it came. */
export function attributeText(key: string, value: unknown): [name: string, value: string] {
  const writing = writingOf(key);
  if (writing === null) return [key, plainValue(value)];
  return [writing.name, typeof value === "number" ? writing.write(value.toFixed(writing.digits)) : plainValue(value)];
}
