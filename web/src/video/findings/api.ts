import { askServer } from "../../ask";
import type { Grade } from "../../screen/alerts";
import type { KeyFrame } from "./keyframe";

/** What an analyser saw with a camera, from its first frame until it was gone. */
export interface Finding extends KeyFrame {
  id: number;
  confidence: number;
  analyser: string;
  analyser_name: string;
  grade: Grade;
  channel: { id: number; name: string } | null;
  upload: { id: number; name: string } | null;
  last_at: string;
  ended: boolean;
  looks: number;
  verdict_name: string;
  verdict_by: string;
  may_judge: boolean;
}

export interface AnalyserInfo {
  key: string;
  title: string;
  offered: boolean;
  findings: number;
  confirmed: number;
  rejected: number;
  /** null: the process that has the cameras does not answer. */
  failed: boolean | null;
  why: string;
  waiting: number;
}

export interface Wanted {
  verdict: string;
  analyser: string;
}

/** What the platform is asked about findings. */
export class FindingsApi {
  constructor(
    private readonly base: string,
    private readonly csrf: string,
  ) {}

  findings(wanted: Wanted, before: number | null): Promise<{ findings: Finding[]; truncated: boolean }> {
    const asked = new URLSearchParams({ ...wanted, ...(before === null ? {} : { before: String(before) }) });
    return askServer(this.csrf, "GET", `${this.base}/findings?${asked}`);
  }

  async analysers(): Promise<AnalyserInfo[]> {
    return (await askServer<{ analysers: AnalyserInfo[] }>(this.csrf, "GET", `${this.base}/analysers`)).analysers;
  }

  judge(finding: number, verdict: "confirmed" | "rejected"): Promise<unknown> {
    return askServer(this.csrf, "POST", `${this.base}/findings/${finding}/verdict`, { verdict });
  }
}
