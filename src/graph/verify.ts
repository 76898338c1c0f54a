// Checks a graph: every node is built again by its builder from its own inputs and attributes, and must come out with the
// same type and attributes. Also: no free inputs, regions closed, results of region operations taken by `project` only.
// Runs between stages in tests, where it finds the stage that broke the graph.

import { InternalError } from "../util/errors.ts";
import * as build from "./build.ts";
import { coerce } from "./dtype.ts";
import { type Node, topological } from "./node.ts";
import {
  type Attributes,
  type BinaryOp,
  binaryOps,
  familyOf,
  type Op,
  type PlainUnaryOp,
  plainUnaryOps,
  type Region,
  tabulate,
} from "./operation.ts";
import { printGraph, showType } from "./print.ts";
import { regionsOf } from "./rewrite.ts";
import { sameShape } from "./shape.ts";

type Deriver<O extends Op> = (node: Node<O>, inputs: readonly Node[]) => Node | undefined;

const unary =
  (op: PlainUnaryOp): Deriver<Op> =>
  (_, [x]) =>
    build.unary(op, x as Node);
const binary =
  (op: BinaryOp): Deriver<Op> =>
  (_, [a, b]) =>
    build.binary(op, a as Node, b as Node);
const reduce =
  <O extends "reduceSum" | "reduceProduct" | "reduceMax" | "reduceMin">(op: O): Deriver<O> =>
  (node, [x]) =>
    build.reduce(op, x as Node, (node.attributes as Attributes["reduceSum"]).axes);

/** The node again, from its inputs and attributes. */
const derive: { readonly [O in Op]: Deriver<O> } = {
  constant: (node) => build.constant(node.attributes.value, node.dtype),
  input: (node) => node,
  buffer: (node) => (node.attributes.storage.length === node.size ? build.buffer(node.attributes.storage, node.shape) : undefined),
  iota: (node) => build.iota(node.shape, node.attributes.axis),
  ...tabulate(plainUnaryOps, unary),
  cast: (node, [x]) => build.cast(x as Node, node.dtype),
  checkBounds: (node, [x]) => build.checkBounds(x as Node, node.attributes.size, node.attributes.message),
  ...tabulate(binaryOps, binary),
  where: (_, [condition, yes, no]) => build.where(condition as Node, yes as Node, no as Node),
  barrier: (_, [x, token]) => build.barrier(x as Node, token as Node),
  threefry: (node, [a, b, c, d]) => build.threefry(node.attributes.word, a as Node, b as Node, c as Node, d as Node),
  reduceSum: reduce("reduceSum"),
  reduceProduct: reduce("reduceProduct"),
  reduceMax: reduce("reduceMax"),
  reduceMin: reduce("reduceMin"),
  argMax: (node, [x]) => build.argReduce("argMax", x as Node, node.attributes.axis),
  argMin: (node, [x]) => build.argReduce("argMin", x as Node, node.attributes.axis),
  reshape: (node, [x]) => build.reshape(x as Node, node.shape),
  permute: (node, [x]) => build.permute(x as Node, node.attributes.axes),
  expand: (node, [x]) => build.expand(x as Node, node.shape),
  slice: (node, [x]) => build.slice(x as Node, node.attributes.starts, node.shape, node.attributes.steps),
  pad: (node, [x]) => build.pad(x as Node, node.attributes.low, node.attributes.high, node.attributes.value, node.attributes.interior),
  window: (node, [x]) => {
    const { axes, sizes, strides, dilations } = node.attributes;
    return build.window(x as Node, axes, sizes, strides, dilations);
  },
  contract: (node, [a, b]) => build.contract(a as Node, b as Node, node.attributes.batch, node.attributes.contracted),
  gather: (node, [x, indices]) => build.gather(x as Node, indices as Node, node.attributes.axis),
  scatterAdd: ({ shape, attributes: { axis, combine } }, [indices, updates]) =>
    build.scatterAdd(shape, indices as Node, updates as Node, axis, combine),
  dynamicSlice: (node, [x, ...starts]) => build.dynamicSlice(x as Node, starts, node.shape),
  dynamicUpdate: (_, [x, update, ...starts]) => build.dynamicUpdate(x as Node, update as Node, starts),
  argSort: (node, [x]) => build.argSort(x as Node, node.attributes.descending),
  recurrence: ({ attributes: { combine, axis, reverse } }, inputs) => build.recurrence(combine, inputs, axis, reverse),
  cond: (node, [predicate, ...operands]) =>
    behind(build.cond(predicate as Node, node.attributes.then, node.attributes.otherwise, operands), node),
  while: (node, inputs) => {
    const { condition, body, constants } = node.attributes;
    return behind(build.whileLoop(condition, body, inputs.slice(0, constants), inputs.slice(constants)), node);
  },
  scan: (node, inputs) => {
    const { body, constants, carries, length, reverse } = node.attributes;
    const [fixed, state] = [inputs.slice(0, constants), inputs.slice(constants, constants + carries)];
    return behind(build.scan(body, fixed, state, inputs.slice(constants + carries), length, reverse), node);
  },
  call: (node, inputs) => {
    const { body, backward, targets } = node.attributes;
    return behind(build.call(body, inputs, backward === null ? null : { backward, targets }), node);
  },
  project: (node, [from]) => build.project(from as Node, node.attributes.index),
};

/** The region operation behind its projections; one without results is taken at its word. */
function behind(projections: readonly Node[], node: Node): Node {
  return projections[0]?.inputs[0] ?? node;
}

/**
 * Checks all that the roots need.
 *
 * @param parameters the `input` nodes that are bound outside; every other one is a mistake. Undefined: any may occur.
 * @throws InternalError that names the node and prints the graph.
 */
export function verifyGraph(roots: readonly Node[], parameters?: readonly Node[]): void {
  const bound = parameters === undefined ? null : new Set(parameters);
  if (bound !== null && bound.size !== parameters?.length) fail("a parameter is bound twice", roots);
  for (const root of roots) if (familyOf[root.op] === "region") fail("a region operation is no value: project its results", roots, root);
  for (const node of topological(roots)) {
    if (node.op === "input" && bound !== null && !bound.has(node)) fail("an input is bound nowhere", roots, node);
    for (const x of node.inputs) {
      if (x.id >= node.id) fail("a node is older than its input", roots, node);
      if ((familyOf[x.op] === "region") !== (node.op === "project"))
        fail("a region operation's results are taken by project only", roots, node);
    }
    checkNode(node, roots);
    for (const region of regionsOf(node)) verifyRegion(region);
  }
}

/** Checks a region: its nodes, and that it has no free variables. */
export function verifyRegion(region: Region): void {
  for (const p of region.parameters) if ((p.op as Op) !== "input") fail("a region's parameter is no input", [p], p);
  verifyGraph(region.results, region.parameters);
}

function checkNode(node: Node, roots: readonly Node[]): void {
  if (node.op === "constant" && !Object.is(coerce(node.dtype, valueOf(node)), valueOf(node)))
    fail(`a constant of ${node.dtype} cannot hold ${valueOf(node)}`, roots, node);
  let again: Node | undefined;
  try {
    again = rederive(node);
  } catch (error) {
    fail(`the builder refuses this node: ${(error as Error).message}`, roots, node);
  }
  if (again === undefined) fail("the number of elements stored does not fit the shape", roots, node);
  if (again.dtype !== node.dtype || !sameShape(again.shape, node.shape))
    fail(`the node is ${showType(node)} where its inputs give ${showType(again)}`, roots, node);
  if (again.op === node.op && comparable(again) !== comparable(node))
    fail(`the attributes are ${comparable(node)} where the builder writes ${comparable(again)}`, roots, node);
}

function rederive<O extends Op>(node: Node<O>): Node | undefined {
  return derive[node.op](node, node.inputs);
}

const valueOf = (node: Node): number => (node.attributes as Attributes["constant"]).value;

/** The attributes as text, without what has no text (storages, regions). */
function comparable(node: Node): string {
  return JSON.stringify(node.attributes, (_, value: unknown) => {
    const plain = typeof value !== "object" || value === null || Array.isArray(value) || value === node.attributes || "dtype" in value;
    return plain ? value : undefined;
  });
}

function fail(problem: string, roots: readonly Node[], mark?: Node): never {
  throw new InternalError(`${problem}, in\n${printGraph(roots, mark === undefined ? {} : { mark })}\n`);
}
