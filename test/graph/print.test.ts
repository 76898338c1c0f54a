import { expect, test } from "vitest";
import * as build from "../../src/graph/build.ts";
import type { Node } from "../../src/graph/node.ts";
import { printGraph, printRegion } from "../../src/graph/print.ts";
import { Storage } from "../../src/graph/storage.ts";
import { regionOf } from "../support/operations/case.ts";

const x = build.input([2, 3], "float32", "x");

test("one line a node, in the order of evaluation, with what it carries", () => {
  const stored = build.buffer(new Storage("float32", 2, Float32Array.of(1, 2)), [2]);
  const total = build.binary("add", build.reduce("reduceSum", x, 1), stored);
  expect(printGraph([build.checkBounds(build.cast(total, "int32"), 9, "too large")])).toBe(
    [
      '%0 = input f32[2,3] "x"',
      "%1 = reduceSum f32[2] %0 axes=[1]",
      "%2 = buffer f32[2]",
      "%3 = add f32[2] %1 %2",
      "%4 = cast i32[2] %3",
      '%5 = checkBounds i32[2] %4 size=9 "too large"',
      "return %5",
    ].join("\n"),
  );
});

test("regions are indented, with their parameters", () => {
  const body = regionOf(
    [
      { shape: [], dtype: "float32" },
      { shape: [3], dtype: "float32" },
    ],
    ([c, line]) => [build.binary("add", c as Node, build.reduce("reduceSum", line as Node))],
  );
  const [last] = build.scan(body, [], [build.constant(1.5, "float32")], [x], 2);
  expect(printRegion({ parameters: [x], results: [last as Node] })).toBe(
    [
      '(%0: f32[2,3] "x") {',
      "  %1 = constant f32[] 1.5",
      "  %2 = scan (f32[]) %1 %0 constants=0 carries=1 length=2 reverse=false",
      "    body (%3: f32[], %4: f32[3]) {",
      "      %5 = reduceSum f32[] %4 axes=[0]",
      "      %6 = add f32[] %3 %5",
      "      return %6",
      "    }",
      "  %7 = project f32[] %2 index=0",
      "  return %7",
      "}",
    ].join("\n"),
  );
});

test("a long graph is cut around the marked node", () => {
  const chain: Node[] = [x];
  for (let i = 0; i < 1000; i++) chain.push(build.unary("sin", chain[i] as Node));
  const lines = printGraph([chain[1000] as Node], { mark: chain[500] as Node, limit: 40 }).split("\n");
  expect(lines).toHaveLength(42);
  expect(lines).toContain("%500 = sin f32[2,3] %499   <-- here");
  expect(lines[0]).toBe("… 470 lines");
  expect(lines[41]).toMatch(/^… \d+ lines$/);
});
