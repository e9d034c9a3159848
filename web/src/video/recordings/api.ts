import { askServer } from "../../ask";
import type { Boot, BootUrls } from "../../boot";

export interface RecordingsBoot extends Boot {
  urls: BootUrls & { recordings: string; map: string; screen: string };
}

/** Times are milliseconds since 1970 UTC. */
export interface ChannelInfo {
  id: number;
  name: string;
  code: string;
  owner: string;
  address: string;
  online: boolean;
  recording: boolean;
  /** Its device can be asked what it has recorded itself. */
  on_device: boolean;
}

export interface Mark {
  /** null: a recording by hand, which is ended where it was begun. */
  id: number | null;
  kind: "note" | "case" | "ticket" | "alert" | "hand";
  kind_name: string;
  from: number;
  to: number;
  number: string;
  text: string;
  by: string;
  /** Whether what lies under it is kept for its sake. */
  holds: boolean;
}

export interface Timeline {
  channel: ChannelInfo;
  now: number;
  by_hand: boolean;
  may_handle: boolean;
  stretches: [number, number][];
  /** What the register knows of, and whose files are gone. */
  missing: [number, number][];
  marks: Mark[];
}

export interface Segment {
  id: number;
  from: number;
  to: number;
  codecs: string;
  width: number;
  height: number;
  writing: boolean;
  left_out: string;
  damaged: number;
}

/** Where playing can begin in a segment's file: seconds from its beginning, and offset in bytes. */
export interface SegmentIndex {
  header: number;
  end: number;
  keys: [number, number][];
  writing: boolean;
  href: string;
}

export interface CutInfo {
  from: number;
  to: number;
  holes: [number, number][];
  size: number;
  sha256: string;
  href: string;
}

/** What the page asks of the server. */
export class RecordingsApi {
  constructor(
    private readonly base: string,
    private readonly csrf: string,
  ) {}

  async channels(asked: Record<string, string>): Promise<ChannelInfo[]> {
    return (await this.ask<{ channels: ChannelInfo[] }>("GET", `/channels?${new URLSearchParams(asked)}`)).channels;
  }

  timeline(channel: number, from: number, to: number): Promise<Timeline> {
    return this.ask("GET", `/channels/${channel}/timeline?${span(from, to)}`);
  }

  async days(channel: number, month: string): Promise<{ day: string; seconds: number }[]> {
    return (await this.ask<{ days: { day: string; seconds: number }[] }>("GET", `/channels/${channel}/days?month=${month}`)).days;
  }

  async segments(channel: number, from: number, to: number): Promise<Segment[]> {
    return (await this.ask<{ segments: Segment[] }>("GET", `/channels/${channel}/segments?${span(from, to)}`)).segments;
  }

  index(segment: number): Promise<SegmentIndex> {
    return this.ask("GET", `/segments/${segment}/index`);
  }

  cut(channel: number, from: number, to: number): Promise<CutInfo> {
    return this.ask("GET", `/channels/${channel}/cut?${span(from, to)}`);
  }

  mark(channel: number, mark: Pick<Mark, "kind" | "from" | "to" | "number" | "text">): Promise<void> {
    return this.ask("POST", `/channels/${channel}/marks`, mark);
  }

  release(mark: number): Promise<void> {
    return this.ask("DELETE", `/marks/${mark}`);
  }

  start(channel: number, reason: string): Promise<void> {
    return this.ask("POST", `/channels/${channel}/start`, { reason });
  }

  stop(channel: number): Promise<void> {
    return this.ask("POST", `/channels/${channel}/stop`);
  }

  /** Has the last minute kept, as far as it is remembered. */
  replay(channel: number): Promise<{ from: number; to: number }> {
    return this.ask("POST", `/channels/${channel}/replay`);
  }

  private ask<T>(method: string, address: string, body?: object): Promise<T> {
    return askServer(this.csrf, method, this.base + address, body);
  }
}

const span = (from: number, to: number): string => `from=${Math.round(from)}&to=${Math.round(to)}`;
