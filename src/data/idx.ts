// The IDX format of the MNIST files: two zero bytes, a type, a rank, big-endian sizes, then the elements.

import type { TypedArray } from "../graph/dtype.ts";
import { mistake } from "../util/errors.ts";

export interface IdxArray {
  readonly dtype: "uint8" | "int32" | "float32" | "float64";
  readonly shape: readonly number[];
  readonly data: TypedArray;
}

interface ElementType {
  readonly dtype: IdxArray["dtype"];
  readonly bytes: number;
  readonly read: (view: DataView, offset: number) => number;
}

const types: Record<number, ElementType> = {
  8: { dtype: "uint8", bytes: 1, read: (v, o) => v.getUint8(o) },
  9: { dtype: "int32", bytes: 1, read: (v, o) => v.getInt8(o) },
  11: { dtype: "int32", bytes: 2, read: (v, o) => v.getInt16(o) },
  12: { dtype: "int32", bytes: 4, read: (v, o) => v.getInt32(o) },
  13: { dtype: "float32", bytes: 4, read: (v, o) => v.getFloat32(o) },
  14: { dtype: "float64", bytes: 8, read: (v, o) => v.getFloat64(o) },
};

/**
 * Parses an IDX file. int8 and int16 elements come as int32.
 *
 * @param file a name for messages
 * @throws UserError `IDX` when the header is not one, or the file is shorter or longer than the header says
 * @example
 * const { shape, data } = parseIdx(Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 2, 7, 9));
 * console.log(shape, [...data]); // [ 2 ] [ 7, 9 ]
 * Source: http://yann.lecun.com/exdb/mnist/, "the IDX file format"
 */
export function parseIdx(bytes: Uint8Array, file = "IDX"): IdxArray {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const rank = bytes[3] ?? 0;
  const type = types[bytes[2] ?? 0];
  if (bytes.length < 4 || bytes[0] !== 0 || bytes[1] !== 0 || type === undefined || rank === 0) {
    const got = [...bytes.subarray(0, 4)].map((b) => b.toString(16).padStart(2, "0")).join(" ") || "an empty file";
    throw mistake("IDX", { where: file, problem: "this is not an IDX file", got, expected: "it to begin with 00 00, a type and a rank" });
  }
  const start = 4 + 4 * rank;
  const shape = bytes.length < start ? null : Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  const size = shape === null ? 0 : shape.reduce((product, n) => product * n, 1);
  const expected = start + size * type.bytes;
  if (shape === null || bytes.length !== expected) {
    throw mistake("IDX", {
      where: file,
      problem: bytes.length < expected ? "the file is cut short" : "the file is longer than its header says",
      got: `${bytes.length} bytes`,
      expected: shape === null ? `at least ${start}` : `${expected} for ${type.dtype}[${shape.join(",")}]`,
      advice: "Fetch it again.",
    });
  }
  if (type.dtype === "uint8") return { dtype: "uint8", shape, data: bytes.slice(start) };
  const data = type.dtype === "int32" ? new Int32Array(size) : type.dtype === "float32" ? new Float32Array(size) : new Float64Array(size);
  for (let i = 0; i < size; i++) data[i] = type.read(view, start + i * type.bytes);
  return { dtype: type.dtype, shape, data };
}
