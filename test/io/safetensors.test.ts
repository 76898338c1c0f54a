import { describe, expect, test } from "vitest";
import { decodeSafetensors, encodeSafetensors, type RawTensor } from "../../src/io/safetensors.ts";
import { UserError } from "../../src/util/errors.ts";
import { HostRandom } from "../../src/util/threefry.ts";

const tensors: [string, RawTensor][] = [
  ["flag", { dtype: "bool", shape: [3], data: Uint8Array.of(1, 0, 1) }],
  ["layers.0.weight", { dtype: "float32", shape: [2, 2], data: Float32Array.of(1.5, -2, 3, Number.NaN) }],
  ["empty", { dtype: "float32", shape: [0, 4], data: new Float32Array() }],
  ["scalar", { dtype: "float64", shape: [], data: Float64Array.of(Math.PI) }],
  ["key", { dtype: "uint32", shape: [2], data: Uint32Array.of(1, 2 ** 32 - 1) }],
  ["index", { dtype: "int32", shape: [1], data: Int32Array.of(-7) }],
];
const bytes = encodeSafetensors(tensors, { note: "ü" });

/** A file with this header and so many bytes of data. */
function file(header: unknown, data: number): Uint8Array {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const result = new Uint8Array(8 + json.length + data);
  new DataView(result.buffer).setBigUint64(0, BigInt(json.length), true);
  result.set(json, 8);
  return result;
}

test("what is written is read, every dtype, names and metadata", () => {
  const read = decodeSafetensors(bytes);
  expect(Object.fromEntries(read.tensors)).toEqual(Object.fromEntries(tensors));
  expect(read.metadata).toEqual({ note: "ü" });
});

test("the data begins at a multiple of 8, wide elements first, as other readers like it", () => {
  expect(Number(new DataView(bytes.buffer).getBigUint64(0, true)) % 8).toBe(0);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true)))));
  expect(header.scalar.data_offsets).toEqual([0, 8]);
  expect(header.flag.dtype).toBe("BOOL");
});

test("half precision and other integers are converted exactly", () => {
  const f16 = file({ x: { dtype: "F16", shape: [4], data_offsets: [0, 8] } }, 8);
  f16.set([0x00, 0x3c, 0x01, 0x00, 0x00, 0xfc, 0xff, 0x7b], f16.length - 8);
  expect(decodeSafetensors(f16).tensors.get("x")?.data).toEqual(Float32Array.of(1, 2 ** -24, Number.NEGATIVE_INFINITY, 65504));
  const bf16 = file({ x: { dtype: "BF16", shape: [1], data_offsets: [0, 2] } }, 2);
  bf16.set([0x40, 0xc0], bf16.length - 2);
  expect(decodeSafetensors(bf16).tensors.get("x")?.data).toEqual(Float32Array.of(-3));
  const i64 = file({ x: { dtype: "I64", shape: [1], data_offsets: [0, 8] } }, 8);
  new DataView(i64.buffer).setBigInt64(i64.length - 8, -5n, true);
  expect(decodeSafetensors(i64).tensors.get("x")).toEqual({ dtype: "int32", shape: [1], data: Int32Array.of(-5) });
  new DataView(i64.buffer).setBigInt64(i64.length - 8, 2n ** 40n, true);
  expect(() => decodeSafetensors(i64)).toThrow("do not fit 32 bits");
});

describe("lies", () => {
  test("cut at any byte, it is refused by name", () => {
    for (let n = 0; n < bytes.length; n++)
      expect(() => decodeSafetensors(bytes.subarray(0, n), "w.safetensors")).toThrow(/^w\.safetensors: /);
    expect(() => decodeSafetensors(Uint8Array.of(...bytes, 0))).toThrow("bytes behind the last tensor");
  });

  test.each([
    [
      "a length that the shape does not have",
      { x: { dtype: "F32", shape: [2], data_offsets: [0, 4] } },
      4,
      "lies about its length; got 4 bytes, expected 8",
    ],
    ["an offset behind the end", { x: { dtype: "F32", shape: [1], data_offsets: [4, 8] } }, 4, "lies about its place; got bytes 4 to 8"],
    ["offsets in reverse", { x: { dtype: "U8", shape: [1], data_offsets: [1, 0] } }, 4, "lies about its place"],
    ["a negative offset", { x: { dtype: "U8", shape: [1], data_offsets: [-1, 0] } }, 4, "no proper data_offsets"],
    ["a fraction as offset", { x: { dtype: "U8", shape: [1], data_offsets: [0.5, 1.5] } }, 4, "no proper data_offsets"],
    ["a negative size", { x: { dtype: "U8", shape: [-1], data_offsets: [0, 1] } }, 1, "no proper shape"],
    ["a size beyond all numbers", { x: { dtype: "U8", shape: [2 ** 52, 2 ** 52], data_offsets: [0, 1] } }, 1, "lies about its length"],
    ["an unknown dtype", { x: { dtype: "constructor", shape: [1], data_offsets: [0, 1] } }, 1, "unknown dtype; got constructor"],
    ["an entry that is no object", { x: [] }, 0, "is not an object"],
    ["metadata that is no text", { __metadata__: { a: 1 } }, 0, "__metadata__ must map names to texts"],
    ["a header that is a list", [], 0, "not a JSON object"],
    ["a header that is no JSON", "{oops", 0, "not JSON"],
    [
      "tensors that overlap",
      { a: { dtype: "U8", shape: [3], data_offsets: [0, 3] }, b: { dtype: "U8", shape: [2], data_offsets: [2, 4] } },
      4,
      'tensor "b" overlaps another',
    ],
    ["a hole", { a: { dtype: "U8", shape: [1], data_offsets: [1, 2] } }, 2, 'hole before tensor "a"'],
  ])("%s", (_, header, data, message) => {
    expect(() => decodeSafetensors(file(header, data))).toThrow(message);
  });

  test("a header length beyond the file, however large, is refused before it is used", () => {
    const huge = new Uint8Array(16).fill(255);
    expect(() => decodeSafetensors(huge)).toThrow("its header does not fit");
  });

  test("what cannot be written is refused", () => {
    expect(() => encodeSafetensors([["x", { dtype: "float32", shape: [2], data: new Float32Array(3) }]])).toThrow(
      "data and shape disagree",
    );
    expect(() => encodeSafetensors([tensors[0] as never, tensors[0] as never])).toThrow("twice");
  });
});

test("a header that claims the same bytes many times is refused before anything is read", () => {
  const size = 1 << 20;
  const header = Object.fromEntries(
    Array.from({ length: 20_000 }, (_, i) => [`t${i}`, { dtype: "I16", shape: [size / 2], data_offsets: [0, size] }]),
  );
  const json = new TextEncoder().encode(JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + size);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  // Reading them would take 40 GB.
  expect(() => decodeSafetensors(bytes)).toThrow('tensor "t1" overlaps another');
});

test("2,000 damaged files: each is refused in our words, or is whole", () => {
  const good = encodeSafetensors(
    [
      ["a", { dtype: "float32", shape: [3, 4], data: new Float32Array(12) }],
      ["b", { dtype: "int32", shape: [5], data: new Int32Array(5) }],
      ["c", { dtype: "bool", shape: [], data: new Uint8Array(1) }],
    ],
    { note: "text" },
  );
  const header = 8 + Number(new DataView(good.buffer).getBigUint64(0, true));
  const random = new HostRandom(1, 0);
  const pick = (n: number) => random.below(n);
  const pieces = ["0", "9", "-", "1e99", "null", '"', "[", "]", "{", "}", ","].map((text) => [...new TextEncoder().encode(text)]);
  let refused = 0;
  for (let i = 0; i < 2000; i++) {
    const bytes = [...good];
    for (let k = 0; k <= pick(3); k++) {
      const at = pick(header);
      const change = pick(4);
      if (change === 0) bytes[at] = pick(256);
      else if (change === 1) bytes.splice(at, 1 + pick(6));
      else if (change === 2) bytes.splice(at, 0, ...(pieces[pick(pieces.length)] as number[]));
      else bytes.length = Math.min(bytes.length, pick(good.length));
    }
    try {
      decodeSafetensors(Uint8Array.from(bytes));
    } catch (error) {
      expect(error).toBeInstanceOf(UserError);
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(1900);
});
