import { type Table, type Vector, tableFromIPC } from "apache-arrow";

/** Columns of a frame of things: n rows each, views into the frame's own bytes. */
export interface AssetColumns {
  length: number;
  id: Uint32Array;
  kind: Uint8Array;
  status: Uint8Array;
  /** 1 where the thing left what this page may see or looks at. */
  left: Uint8Array;
  /** Degrees. */
  lon: Float64Array;
  lat: Float64Array;
  /** Metres; NaN unknown. */
  alt_m: Float32Array;
  speed_m_s: Float32Array;
  /** Degrees clockwise from north; NaN unknown. */
  heading_deg: Float32Array;
  /** Milliseconds since 1970 UTC. */
  time_ms: Float64Array;
}

/** Columns of a frame of cells: one row per cell and kind. */
export interface CellColumns {
  length: number;
  lon: Float64Array;
  lat: Float64Array;
  kind: Uint8Array;
  total: Uint32Array;
  working: Uint32Array;
  alert: Uint32Array;
  silent: Uint32Array;
  off: Uint32Array;
}

export type Frame = { type: "assets"; columns: AssetColumns } | { type: "cells"; columns: CellColumns };

/** A frame that is not what the protocol says. */
export class FrameError extends Error {
  override name = "FrameError";
}

const ASSETS_SCHEMA = 0x01;
const ASSETS_BATCH = 0x02;
const CELLS_SCHEMA = 0x03;
const CELLS_BATCH = 0x04;

/** Whether a message is a schema, which comes once a socket and must not be missed. */
export function isSchema(message: ArrayBuffer): boolean {
  const [kind] = new Uint8Array(message, 0, 1);
  return kind === ASSETS_SCHEMA || kind === CELLS_SCHEMA;
}

/** Decodes the binary messages of one socket; a new socket needs a new decoder, for schemas come once per socket. */
export class FrameDecoder {
  private readonly schemas = new Map<number, Uint8Array>();

  /** A frame, or null for a schema, which only prepares what follows. */
  decode(message: ArrayBuffer): Frame | null {
    const bytes = new Uint8Array(message);
    const piece = bytes.subarray(1);
    switch (bytes[0]) {
      case ASSETS_SCHEMA:
      case CELLS_SCHEMA:
        this.schemas.set(bytes[0], piece);
        return null;
      case ASSETS_BATCH:
        return { type: "assets", columns: assetColumns(this.table(ASSETS_SCHEMA, piece)) };
      case CELLS_BATCH:
        return { type: "cells", columns: cellColumns(this.table(CELLS_SCHEMA, piece)) };
      default:
        throw new FrameError(`unknown message kind ${bytes[0]}`);
    }
  }

  private table(schemaKind: number, batch: Uint8Array): Table {
    const schema = this.schemas.get(schemaKind);
    if (schema === undefined) throw new FrameError("record batch before its schema");
    // Copied together: Arrow wants its buffers aligned to 8 bytes, and the kind byte moved them by one.
    const stream = new Uint8Array(schema.length + batch.length);
    stream.set(schema);
    stream.set(batch, schema.length);
    return tableFromIPC(stream);
  }
}

/** Reads a complete Arrow stream of things, as the time machine answers with. */
export function readAssets(stream: ArrayBuffer): AssetColumns {
  return assetColumns(tableFromIPC(new Uint8Array(stream)));
}

function vector(table: Table, name: string): Vector {
  const column = table.getChild(name);
  if (column === null) throw new FrameError(`column ${name} missing`);
  return column;
}

function values<T>(table: Table, name: string, type: new (...given: never[]) => T): T {
  const array = vector(table, name).toArray() as unknown;
  if (!(array instanceof type)) throw new FrameError(`column ${name} is not ${type.name}`);
  return array;
}

function flags(table: Table, name: string): Uint8Array {
  const column = vector(table, name);
  const out = new Uint8Array(column.length);
  for (let i = 0; i < out.length; i++) out[i] = column.get(i) ? 1 : 0;
  return out;
}

function assetColumns(table: Table): AssetColumns {
  return {
    length: table.numRows,
    id: values(table, "id", Uint32Array),
    kind: values(table, "kind", Uint8Array),
    status: values(table, "status", Uint8Array),
    left: flags(table, "left"),
    lon: values(table, "lon", Float64Array),
    lat: values(table, "lat", Float64Array),
    alt_m: values(table, "alt_m", Float32Array),
    speed_m_s: values(table, "speed_m_s", Float32Array),
    heading_deg: values(table, "heading_deg", Float32Array),
    time_ms: values(table, "time_ms", Float64Array),
  };
}

function cellColumns(table: Table): CellColumns {
  return {
    length: table.numRows,
    lon: values(table, "lon", Float64Array),
    lat: values(table, "lat", Float64Array),
    kind: values(table, "kind", Uint8Array),
    total: values(table, "total", Uint32Array),
    working: values(table, "working", Uint32Array),
    alert: values(table, "alert", Uint32Array),
    silent: values(table, "silent", Uint32Array),
    off: values(table, "off", Uint32Array),
  };
}
