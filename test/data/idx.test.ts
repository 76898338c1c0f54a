import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { parseIdx } from "../../src/data/idx.ts";
import { readCsv, readIdx, readMnist } from "../../src/data/node/read.ts";

const bytes = Uint8Array.of(0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 255);

test("reads sizes big-endian and elements of every width", () => {
  expect(parseIdx(bytes)).toEqual({ dtype: "uint8", shape: [2, 3], data: Uint8Array.of(1, 2, 3, 4, 5, 255) });
  expect(parseIdx(Uint8Array.of(0, 0, 9, 1, 0, 0, 0, 1, 255)).data).toEqual(Int32Array.of(-1));
  expect(parseIdx(Uint8Array.of(0, 0, 11, 1, 0, 0, 0, 1, 255, 254)).data).toEqual(Int32Array.of(-2));
  expect(parseIdx(Uint8Array.of(0, 0, 13, 1, 0, 0, 0, 1, 0x3f, 0x80, 0, 0)).data).toEqual(Float32Array.of(1));
});

test("what is cut, too long or something else is refused", () => {
  for (let n = 4; n < bytes.length; n++) expect(() => parseIdx(bytes.subarray(0, n), "x.idx")).toThrow("x.idx: the file is cut short");
  expect(() => parseIdx(Uint8Array.of(...bytes, 0))).toThrow("got 19 bytes, expected 18 for uint8[2,3]");
  expect(() => parseIdx(new TextEncoder().encode("a,b\n1,2\n"))).toThrow("this is not an IDX file; got 61 2c 62 0a");
  expect(() => parseIdx(new Uint8Array())).toThrow("an empty file");
  const huge = Uint8Array.of(0, 0, 8, 4, ...Array(16).fill(255));
  expect(() => parseIdx(huge)).toThrow("cut short");
});

test("files: gzipped, missing, in an old encoding", () => {
  const folder = mkdtempSync(join(tmpdir(), "downhill-"));
  const path = join(folder, "a.gz");
  writeFileSync(path, gzipSync(bytes));
  expect(readIdx(path).shape).toEqual([2, 3]);
  writeFileSync(path, gzipSync(bytes).subarray(0, 20));
  expect(() => readIdx(path)).toThrow("the gzipped file is damaged");
  expect(() => readIdx(join(folder, "none"))).toThrow("none: there is no such file");
  writeFileSync(join(folder, "latin.csv"), Buffer.from("a\nK\xf6ln\n", "latin1"));
  expect(readCsv(join(folder, "latin.csv")).rows).toEqual([["Köln"]]);
  writeFileSync(join(folder, "utf16.csv"), Buffer.from("\uFEFFa\nKöln\n", "utf16le"));
  expect(readCsv(join(folder, "utf16.csv"))).toMatchObject({ names: ["a"], rows: [["Köln"]] });
});

test("MNIST is found where it is installed, and its files are checked", () => {
  const { train, test: held } = readMnist();
  expect(train.images.shape).toEqual([60000, 28, 28]);
  expect([...held.labels.data.subarray(0, 5)]).toEqual([7, 2, 1, 0, 4]);
  expect(() => readMnist(tmpdir())).toThrow("there is no such file");
});
