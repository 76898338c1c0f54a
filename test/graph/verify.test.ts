import { describe, expect, test } from "vitest";
import * as build from "../../src/graph/build.ts";
import { Node } from "../../src/graph/node.ts";
import { verifyGraph, verifyRegion } from "../../src/graph/verify.ts";
import { InternalError } from "../../src/util/errors.ts";
import { regionOf } from "../support/operations/case.ts";

const x = build.input([2, 3], "float32", "x");
const f = { shape: [], dtype: "float32" as const };
const none = {} as const;

describe("refuses, and prints the graph with the place", () => {
  const refuses = (node: Node, message: RegExp) => {
    expect(() => verifyGraph([node])).toThrow(InternalError);
    expect(() => verifyGraph([node])).toThrow(message);
    expect(() => verifyGraph([node])).toThrow(/<-- here/);
  };

  test("a wrong shape", () => {
    refuses(new Node("reduceSum", [x], { axes: [1] }, [3], "float32"), /the node is f32\[3\] where its inputs give f32\[2\]/);
  });
  test("a wrong dtype", () => {
    refuses(new Node("lt", [x, x], none, [2, 3], "float32"), /the node is f32\[2,3\] where its inputs give bool\[2,3\]/);
  });
  test("operands that no builder would take", () => {
    refuses(
      new Node("add", [x, build.reshape(x, [3, 2])], none, [2, 3], "float32"),
      /the builder refuses this node: add: operands differ in shape/,
    );
  });
  test("attributes that are not as builders write them", () => {
    refuses(
      new Node("reduceSum", [x], { axes: [1, 0] }, [], "float32"),
      /the attributes are .*\[1,0\].* where the builder writes .*\[0,1\]/,
    );
  });
  test("a constant that its dtype cannot hold", () => {
    refuses(new Node("constant", [], { value: 300 }, [], "uint8"), /a constant of uint8 cannot hold 300/);
    verifyGraph([build.constant(Number.NaN, "float32"), build.constant(-0, "float32")]);
  });
  test("an input that is bound nowhere", () => {
    const y = build.input([2, 3], "float32", "y");
    const both = build.binary("add", x, y);
    verifyGraph([both], [x, y]);
    expect(() => verifyGraph([both], [x])).toThrow(/an input is bound nowhere[\s\S]*"y" {3}<-- here/);
    expect(() => verifyGraph([both], [x, y, x])).toThrow(/bound twice/);
  });
  test("a free variable in a body, at any depth", () => {
    const outer = build.input([], "float32", "outer");
    const inner = regionOf([f], ([p]) => [build.binary("add", p as Node, outer)]);
    const body = regionOf([f], ([p]) => build.scan(inner, [], [p as Node], [], 2));
    const [result] = build.scan(body, [], [outer], [], 3);
    expect(() => verifyGraph([result as Node])).toThrow(/an input is bound nowhere[\s\S]*"outer" {3}<-- here/);
    expect(() => verifyRegion({ parameters: [outer], results: [result as Node] })).toThrow(/bound nowhere/);
  });
  test("the results of a loop taken otherwise than by project", () => {
    const [result] = build.scan(
      regionOf([f], ([p]) => [p as Node]),
      [],
      [build.constant(1, "float32")],
      [],
      3,
    );
    const loop = (result as Node).inputs[0] as Node;
    refuses(new Node("exp", [loop], none, [], "float32"), /taken by project only/);
    refuses(loop, /project its results/);
    verifyGraph([result as Node]);
  });
});
