import { Bool, Field, Float32, Float64, RecordBatchStreamWriter, Schema, Uint32, Uint8, makeData, RecordBatch, Struct } from "apache-arrow";
import { describe, expect, it } from "vitest";
import { FrameDecoder, FrameError } from "../src/live/frames";

const ASSETS = new Schema([
  new Field("id", new Uint32()),
  new Field("kind", new Uint8()),
  new Field("status", new Uint8()),
  new Field("left", new Bool()),
  new Field("lon", new Float64()),
  new Field("lat", new Float64()),
  new Field("alt_m", new Float32()),
  new Field("speed_m_s", new Float32()),
  new Field("heading_deg", new Float32()),
  new Field("time_ms", new Float64()),
]);
const LENGTH = 11;

function column(type: Field["type"]) {
  const rows = Array.from({ length: LENGTH }, (_, i) => i + 0.5);
  if (type instanceof Bool) return makeData({ type, length: LENGTH, data: Uint8Array.of(0b10000101, 0b100) });
  if (type instanceof Uint32) return makeData({ type, length: LENGTH, data: Uint32Array.from(rows) });
  if (type instanceof Uint8) return makeData({ type, length: LENGTH, data: Uint8Array.from(rows) });
  if (type instanceof Float32) return makeData({ type, length: LENGTH, data: Float32Array.from(rows) });
  if (type instanceof Float64) return makeData({ type, length: LENGTH, data: Float64Array.from(rows) });
  throw new Error(`no rows for ${type}`);
}

/** The two pieces of a stream as the server cuts it: schema, record batch. */
async function pieces(schema: Schema): Promise<[schema: Uint8Array, batch: Uint8Array]> {
  const children = schema.fields.map((field) => column(field.type));
  const batch = new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length: LENGTH, children }));
  const whole = await RecordBatchStreamWriter.writeAll([batch]).toUint8Array();
  // A schema message: marker, length of its metadata (4 bytes each), metadata; it has no body.
  const schemaLength = 8 + new DataView(whole.buffer, whole.byteOffset).getInt32(4, true);
  return [whole.slice(0, schemaLength), whole.slice(schemaLength)];
}

function message(kind: number, piece: Uint8Array): ArrayBuffer {
  return Uint8Array.of(kind, ...piece).buffer;
}

describe("frames", () => {
  it("reads a batch with the schema that came before", async () => {
    const [schema, batch] = await pieces(ASSETS);
    const decoder = new FrameDecoder();
    expect(decoder.decode(message(1, schema))).toBeNull();
    const frame = decoder.decode(message(2, batch));
    if (frame?.type !== "assets") throw new Error("no assets");
    expect(frame.columns.length).toBe(LENGTH);
    expect([...frame.columns.id]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect([...frame.columns.left]).toEqual([1, 0, 1, 0, 0, 0, 0, 1, 0, 0, 1]);
    expect(frame.columns.lon[10]).toBe(10.5);
    expect(frame.columns.heading_deg).toBeInstanceOf(Float32Array);
  });

  it("refuses a batch without schema, an unknown kind, a missing column, a wrong type", async () => {
    const [schema, batch] = await pieces(ASSETS);
    expect(() => new FrameDecoder().decode(message(2, batch))).toThrow(FrameError);
    expect(() => new FrameDecoder().decode(message(9, schema))).toThrow(/unknown message kind 9/);
    const short = await pieces(new Schema(ASSETS.fields.filter((field) => field.name !== "lat")));
    const decoder = new FrameDecoder();
    decoder.decode(message(1, short[0]));
    expect(() => decoder.decode(message(2, short[1]))).toThrow(/column lat missing/);
    const typed = await pieces(
      new Schema(ASSETS.fields.map((field) => (field.name === "lon" ? new Field("lon", new Float32()) : field))),
    );
    decoder.decode(message(1, typed[0]));
    expect(() => decoder.decode(message(2, typed[1]))).toThrow(/column lon is not Float64Array/);
  });
});
