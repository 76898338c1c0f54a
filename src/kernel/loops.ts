// Loop tasks: elementwise work over views with reductions. The task's axes become as few loop variables as its memory
// accesses allow (merge.ts), its outputs become values over them (trace.ts), and a loop nest computes and stores these
// (nest.ts).

import { type Kernel, lanesOf, type Target } from "../graph/kernel.ts";
import { inputOf, type Node, topological } from "../graph/node.ts";
import { type Shape, sizeOf, stridesOf } from "../graph/shape.ts";
import type { LoopsTask, Lowered } from "../graph/task.ts";
import { kernelBuffers } from "./buffers.ts";
import { Builder } from "./builder.ts";
import { costOf } from "./cost.ts";
import { dot, type Variable } from "./index.ts";
import { keepValue } from "./keep.ts";
import { mergingOf, refine } from "./merge.ts";
import { Nest, type Output, type Traced } from "./nest.ts";
import { reduceHere } from "./reduction.ts";
import { type Axes, Tracer } from "./trace.ts";
import { reachable, type Value } from "./value.ts";

type CheckOf = (node: Node<"checkBounds">) => number;

export function lowerLoops(task: LoopsTask, target: Target, checkOf: CheckOf): Lowered {
  const done = (extent: number, body: Kernel["body"], cost: Kernel["cost"], readBack: readonly number[] = []): Lowered => ({
    kernel: { name: task.name, buffers: kernelBuffers(task, readBack), extent, body, cost },
    scratch: [],
  });
  if (sizeOf(task.domain) === 0 || task.outputs.every((o) => o.size === 0)) return done(0, [], { flops: 0, bytes: 0 });
  const traced = traceTask(task, checkOf);
  const kept = keepValue(traced);
  const builder = new Builder(lanesOf(target, inLanes(traced)), traced.values, reduceHere, kept === null ? [] : [kept]);
  const extent = new Nest(builder, traced).write();
  const cost = costOf(traced.values, task.inputs, task.outputs);
  return done(extent, builder.top.statements, cost, kept === null ? [] : [kept.buffer]);
}

/** Whether doubles are computed, reduced or stored along a variable that may be the vector. */
function inLanes({ domain, inner, outputs, values }: Traced): boolean {
  const axes = outputs.some((o) => o.isInner) ? inner : domain;
  const vectors = new Set([axes.variables.at(-1), ...values.flatMap((v) => (v.kind === "reduce" ? v.over : []))]);
  const isAlong = (value: Value, variables: readonly Variable[]) => value.dtype === "float64" && variables.some((d) => vectors.has(d));
  return (
    values.some((v) => isAlong(v, v.variables) || (v.kind === "reduce" && v.bodies.some((b) => isAlong(b, v.over)))) ||
    outputs.some((o) => isAlong(o.value, o.index.variables))
  );
}

function traceTask(task: LoopsTask, checkOf: CheckOf): Traced {
  const stored = new Set(task.inputs);
  const nodes = topological(task.outputs, (n) => stored.has(n));
  const shapes = [...task.outputs, ...nodes].map((n) => n.shape);
  const summed = sumsOf(task).map((n) => inputOf(n, 0).shape);
  const [domain, inner] = refine(task.domain, sizeOf(task.inner) === 0 ? [] : task.inner, [...summed, ...shapes]);
  const first = traceOnce(task, domain, inner, new Tracer(task.inputs, task.outputs, checkOf));
  const sums = first.outputs.filter((o) => o.isSum).map((o) => o.index);
  const merging = mergingOf(first.axes, first.values, sums);
  return merging === null ? first : traceOnce(task, domain, inner, new Tracer(task.inputs, task.outputs, checkOf, merging));
}

function traceOnce(task: LoopsTask, domainShape: Shape, innerShape: Shape, tracer: Tracer): Traced {
  const domain = tracer.axesOf("d", domainShape, 0);
  const inner = tracer.innerAxes(innerShape);
  const domainSize = sizeOf(domainShape);
  const sums = new Set<Node>(sumsOf(task));
  const outputs = task.outputs.flatMap((node, i): Output[] => {
    if (node.size === 0) return [];
    const buffer = task.inputs.length + i;
    const { size } = node;
    if (sums.has(node)) return [{ ...sumOf(node, domain, inner, tracer), buffer, size, isInner: true, isSum: true }];
    const isInner = node.size !== domainSize;
    const shape = isInner ? [...domainShape, ...innerShape] : domainShape;
    const at = isInner ? [...domain.coordinates, ...inner.coordinates] : domain.coordinates;
    const value = tracer.trace(node, tracer.atoms.reshape(at, shape, node.shape));
    return [{ buffer, value, index: dot(at, stridesOf(shape)), isInner, isSum: false, size }];
  });
  return { domain, inner, outputs, values: reachable(outputs.map((o) => o.value)), axes: [...tracer.axes.values()] };
}

const sumsOf = (task: LoopsTask) => (task.sums ?? []) as readonly Node<"reduceSum">[];

/** What a sum over the last part of the domain adds at each point, and where. */
function sumOf(node: Node, domain: Axes, inner: Axes, tracer: Tracer): Pick<Output, "value" | "index"> {
  const x = inputOf(node, 0);
  const [axis] = (node as Node<"reduceSum">).attributes.axes;
  const at = tracer.atoms.reshape([...domain.coordinates, ...inner.coordinates], [...domain.sizes, ...inner.sizes], x.shape);
  const kept = at.filter((_, i) => i !== axis);
  return { value: tracer.trace(x, at), index: dot(kept, stridesOf(node.shape)) };
}
