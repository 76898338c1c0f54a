// The safetensors format: 8 bytes of header length, a JSON header, then the elements. Nothing is executed, and no length is
// believed: every offset is checked against the file, against the shape, and against its neighbours before it is used.

import { allocate, bytesOf, type DType, encode, isHalf, type TypedArray } from "../graph/dtype.ts";
import { mistake } from "../util/errors.ts";
import { numberOfBfloat, numberOfHalf } from "../util/half.ts";

/** A tensor as it lies in a file. */
export interface RawTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** The elements; of 16-bit floats the numbers. */
  readonly data: TypedArray;
}

export interface Safetensors {
  readonly tensors: ReadonlyMap<string, RawTensor>;
  /** Free text by name, `__metadata__` in the file. */
  readonly metadata: Readonly<Record<string, string>>;
}

const nameOf: Record<DType, string> = {
  bool: "BOOL",
  uint8: "U8",
  int8: "I8",
  int32: "I32",
  uint32: "U32",
  float16: "F16",
  bfloat16: "BF16",
  float32: "F32",
  float64: "F64",
};

interface ElementReader {
  readonly dtype: DType;
  readonly bytes: number;
  readonly read: (view: DataView, offset: number) => number;
}

/** How elements of each type of the file become ours. Half precision widens to float32, exactly. */
const readers: Record<string, ElementReader> = {
  BOOL: { dtype: "bool", bytes: 1, read: (v, o) => Number(v.getUint8(o) !== 0) },
  U8: { dtype: "uint8", bytes: 1, read: (v, o) => v.getUint8(o) },
  I8: { dtype: "int8", bytes: 1, read: (v, o) => v.getInt8(o) },
  I16: { dtype: "int32", bytes: 2, read: (v, o) => v.getInt16(o, true) },
  U16: { dtype: "int32", bytes: 2, read: (v, o) => v.getUint16(o, true) },
  I32: { dtype: "int32", bytes: 4, read: (v, o) => v.getInt32(o, true) },
  U32: { dtype: "uint32", bytes: 4, read: (v, o) => v.getUint32(o, true) },
  I64: { dtype: "int32", bytes: 8, read: (v, o) => Number(v.getBigInt64(o, true)) },
  F16: { dtype: "float32", bytes: 2, read: (v, o) => numberOfHalf(v.getUint16(o, true)) },
  BF16: { dtype: "float32", bytes: 2, read: (v, o) => numberOfBfloat(v.getUint16(o, true)) },
  F32: { dtype: "float32", bytes: 4, read: (v, o) => v.getFloat32(o, true) },
  F64: { dtype: "float64", bytes: 8, read: (v, o) => v.getFloat64(o, true) },
};

const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/**
 * Writes tensors in the safetensors format, names sorted by width and name, elements aligned.
 *
 * @throws UserError `SHAPE` when a tensor's data and shape disagree
 * @example
 * const bytes = encodeSafetensors([["w", { dtype: "float32", shape: [2], data: Float32Array.of(1, 2) }]], { note: "mine" });
 * console.log(decodeSafetensors(bytes).metadata.note); // mine
 */
export function encodeSafetensors(
  tensors: Iterable<readonly [string, RawTensor]>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  // Wide elements first, so that every tensor is aligned when the data is.
  const list = [...tensors].sort(([a, x], [b, y]) => bytesOf(y.dtype) - bytesOf(x.dtype) || (a < b ? -1 : a > b ? 1 : 0));
  const header: Record<string, unknown> = {};
  if (Object.keys(metadata).length > 0) header.__metadata__ = metadata;
  let offset = 0;
  for (const [name, { dtype, shape, data }] of list) {
    const size = shape.reduce((product, n) => product * n, 1);
    if (size !== data.length)
      throw mistake("SHAPE", {
        where: `encodeSafetensors, tensor "${name}"`,
        problem: "data and shape disagree",
        got: data.length,
        expected: size,
      });
    if (name === "__metadata__" || Object.hasOwn(header, name))
      throw mistake("OPTION", {
        where: "encodeSafetensors",
        problem: `the name "${name}" cannot be used ${name === "__metadata__" ? "" : "twice"}`.trim(),
      });
    const end = offset + size * bytesOf(dtype);
    header[name] = { dtype: nameOf[dtype], shape, data_offsets: [offset, end] };
    offset = end;
  }
  const text = JSON.stringify(header);
  const json = new TextEncoder().encode(text + " ".repeat((8 - (new TextEncoder().encode(text).length % 8)) % 8));
  const bytes = new Uint8Array(8 + json.length + offset);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  let at = 8 + json.length;
  for (const [, { dtype, data: values }] of list) {
    const data = isHalf(dtype) ? Uint16Array.from(values, (value) => encode(dtype, value)) : values;
    const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    bytes.set(littleEndian ? raw : swapped(raw, data.BYTES_PER_ELEMENT), at);
    at += raw.length;
  }
  return bytes;
}

function swapped(bytes: Uint8Array, width: number): Uint8Array {
  const result = bytes.slice();
  for (let i = 0; i < result.length; i += width) result.subarray(i, i + width).reverse();
  return result;
}

/**
 * Reads a safetensors file. F16 and BF16 come as float32, 16-bit integers as int32, I64 as int32 where all fit.
 *
 * @param file a name for messages
 * @throws UserError `SAFETENSORS` when the file is cut, or its header lies about types, shapes or offsets
 * @example
 * const { tensors } = decodeSafetensors(await weightsOf(new Linear(2, 3)));
 * console.log(tensors.get("weight")?.shape); // [ 3, 2 ]
 * Source: https://github.com/huggingface/safetensors, "Format"
 */
export function decodeSafetensors(bytes: Uint8Array, file = "safetensors"): Safetensors {
  const fail = (problem: string, detail: { got?: unknown; expected?: unknown } = {}) =>
    mistake("SAFETENSORS", { where: file, problem, ...detail });
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 8) throw fail("the file is too short to be safetensors", { got: `${bytes.length} bytes` });
  const headerBytes = view.getBigUint64(0, true);
  if (headerBytes > BigInt(bytes.length - 8)) {
    throw fail("the file is cut short, or is not safetensors: its header does not fit", {
      got: `${bytes.length} bytes`,
      expected: `a header of ${headerBytes} bytes and the data behind it`,
    });
  }
  const start = 8 + Number(headerBytes);
  const header = parseHeader(bytes.subarray(8, start), fail);
  const available = bytes.length - start;

  const metadata: Record<string, string> = {};
  const entries: Entry[] = [];
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") {
      if (!isRecord(entry) || Object.values(entry).some((v) => typeof v !== "string")) throw fail("__metadata__ must map names to texts");
      Object.assign(metadata, entry);
      continue;
    }
    entries.push(checkEntry(name, entry, available, fail));
  }
  // Before anything is read: a header could claim the same bytes a thousand times.
  let end = 0;
  for (const { name, from, to } of [...entries].sort((a, b) => a.from - b.from || a.to - b.to)) {
    if (from < end) throw fail(`tensor "${name}" overlaps another`, { got: `bytes ${from} to ${to}` });
    if (from > end) throw fail(`there is a hole before tensor "${name}"`, { got: `bytes ${end} to ${from} belong to no tensor` });
    end = to;
  }
  if (end !== available) throw fail("there are bytes behind the last tensor", { got: `${available - end} bytes` });
  const tensors = new Map<string, RawTensor>();
  for (const { name, reader, shape, from, to } of entries) {
    const data = readElements(name, view, start + from, (to - from) / reader.bytes, reader, fail);
    tensors.set(name, { dtype: reader.dtype, shape, data });
  }
  return { tensors, metadata };
}

type Fail = (problem: string, detail?: { got?: unknown; expected?: unknown }) => Error;

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parseHeader(bytes: Uint8Array, fail: Fail): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw fail("the header is not JSON");
  }
  if (!isRecord(header)) throw fail("the header is not a JSON object");
  return header;
}

interface Entry {
  readonly name: string;
  readonly reader: ElementReader;
  readonly shape: readonly number[];
  /** Its bytes, counted from the end of the header. */
  readonly from: number;
  readonly to: number;
}

function checkEntry(name: string, entry: unknown, available: number, fail: Fail): Entry {
  const where = `tensor "${name}"`;
  if (!isRecord(entry)) throw fail(`the header's entry for ${where} is not an object`);
  const { dtype, shape, data_offsets: offsets } = entry;
  const reader = typeof dtype === "string" && Object.hasOwn(readers, dtype) ? readers[dtype] : undefined;
  if (reader === undefined) throw fail(`${where} has an unknown dtype`, { got: String(dtype), expected: Object.keys(readers) });
  const isCount = (n: unknown): n is number => Number.isSafeInteger(n) && (n as number) >= 0;
  if (!Array.isArray(shape) || !shape.every(isCount)) throw fail(`${where} has no proper shape`, { got: JSON.stringify(shape) });
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount))
    throw fail(`${where} has no proper data_offsets`, { got: JSON.stringify(offsets) });
  const [from, to] = offsets as [number, number];
  const expected = shape.reduce((product, n) => product * n, 1) * reader.bytes;
  if (to > available || from > to)
    throw fail(`the file is cut short, or ${where} lies about its place`, {
      got: `bytes ${from} to ${to}`,
      expected: `within ${available} bytes`,
    });
  if (to - from !== expected)
    throw fail(`${where} lies about its length`, {
      got: `${to - from} bytes`,
      expected: `${expected} for ${String(dtype)} [${shape.join(",")}]`,
    });
  return { name, reader, shape: shape as number[], from, to };
}

function readElements(
  name: string,
  view: DataView,
  offset: number,
  count: number,
  { dtype, bytes, read }: ElementReader,
  fail: Fail,
): TypedArray {
  const data = allocate(dtype, count);
  if (littleEndian && bytes === data.BYTES_PER_ELEMENT && dtype !== "bool") {
    new Uint8Array(data.buffer).set(new Uint8Array(view.buffer, view.byteOffset + offset, count * bytes));
    return data;
  }
  for (let i = 0; i < count; i++) {
    const value = read(view, offset + i * bytes);
    data[i] = value;
    if (dtype === "int32" && data[i] !== value)
      throw fail(`tensor "${name}" holds 64-bit integers that do not fit 32 bits`, { got: value });
  }
  return data;
}
