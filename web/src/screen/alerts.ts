/** Alerts as the socket and the API tell them. */
import type { KeyFrame } from "../video/findings/keyframe";

export type Grade = 1 | 2 | 3 | 4;
export type AlertState = "raised" | "acknowledged" | "disposed" | "verified" | "closed";

interface Named {
  id: number;
  name: string;
}

export interface Alert {
  id: number;
  /** Grows with each step. */
  step: number;
  rule: string;
  grade: Grade;
  grade_name: string;
  state: AlertState;
  title: string;
  advice: string;
  /** Whether it is heard when it comes. */
  sound: boolean;
  /** Name of what it is about, as it was. */
  subject: string;
  asset: (Named & { kind: string; kind_name: string; code: string }) | null;
  area: (Named & { kind: string; version: number }) | null;
  owner: Named | null;
  region: (Named & { code: string }) | null;
  lon: number | null;
  lat: number | null;
  /** RFC 3339. */
  raised_at: string;
  cause_ended_at: string | null;
  due_at: string | null;
  escalated_at: string | null;
  assigned_to: Named | null;
  feedback: string;
  group: string;
  evidence: Fact[];
}

/** What the socket says of alerts: one that has moved on, or all there are. */
export interface AlertMessage {
  type: string;
  alert?: Alert;
  alerts?: Alert[];
  truncated?: boolean;
}

/** A value by name, with its unit. */
export interface Fact {
  key: string;
  title: string;
  value: unknown;
  unit: string;
}

export interface Step {
  at: string;
  action: string;
  action_name: string;
  by: string;
  text: string;
}

/** An alert with its log and what this user may do now. */
export interface AlertWhole extends Alert {
  rule_version: number;
  parameters: Fact[];
  steps: Step[];
  actions: { key: string; name: string }[];
  /** The picture it rests on, where a machine saw something. */
  picture: KeyFrame | null;
}

/** The sign of each grade: the colour never stands alone. */
export const SIGNS: Readonly<Record<Grade, string>> = { 1: "▲", 2: "◆", 3: "●", 4: "■" };
export const GRADES: readonly Grade[] = [1, 2, 3, 4];

/** Alerts of one cause or place that are one line on the wall. */
export interface Group {
  key: string;
  /** The newest one, which speaks for all. */
  head: Alert;
  /** The gravest grade among them. */
  grade: Grade;
  alerts: Alert[];
}

/** Whether an alert was raised in a district; "": anywhere. */
export function isIn(alert: Alert, district: string): boolean {
  // A street's code begins with its district's.
  return district === "" || (alert.region?.code.startsWith(district) ?? false);
}

const newestFirst = (a: Alert, b: Alert): number => Date.parse(b.raised_at) - Date.parse(a.raised_at) || b.id - a.id;

/** The alerts that are not closed. */
export class AlertBook {
  /** There are more than the server gives at once. */
  isTruncated = false;
  private readonly open = new Map<number, Alert>();

  /** Replaces everything. */
  load(alerts: readonly Alert[], isTruncated: boolean): void {
    this.open.clear();
    for (const alert of alerts) this.open.set(alert.id, alert);
    this.isTruncated = isTruncated;
  }

  /** Takes an alert as it is now; returns whether it was not known before. An older step changes nothing. */
  take(alert: Alert): boolean {
    const before = this.open.get(alert.id);
    if (before !== undefined && before.step > alert.step) return false;
    if (alert.state === "closed") this.open.delete(alert.id);
    else this.open.set(alert.id, alert);
    return before === undefined && alert.state !== "closed";
  }

  get(id: number): Alert | undefined {
    return this.open.get(id);
  }

  /** Those raised in a district ("": anywhere), the newest first. */
  list(district = ""): Alert[] {
    return [...this.open.values()].filter((alert) => isIn(alert, district)).sort(newestFirst);
  }

  /** How many there are of each grade. */
  counts(district = ""): Record<Grade, number> {
    const counts: Record<Grade, number> = { 1: 0, 2: 0, 3: 0, 4: 0 };
    for (const alert of this.list(district)) counts[alert.grade]++;
    return counts;
  }

  /** Gathers alerts of one group, in the order of each group's newest. */
  groups(alerts: readonly Alert[]): Group[] {
    const groups = new Map<string, Group>();
    for (const alert of alerts) {
      const group = groups.get(alert.group);
      if (group === undefined) {
        groups.set(alert.group, { key: alert.group, head: alert, grade: alert.grade, alerts: [alert] });
      } else {
        group.alerts.push(alert);
        if (alert.grade < group.grade) group.grade = alert.grade;
      }
    }
    return [...groups.values()];
  }
}
