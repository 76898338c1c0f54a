// What a model is made of as a table. The model runs once on an input that holds no numbers: the graph that comes out has every
// shape, and its contractions tell the multiply-adds.

import { input } from "../graph/build.ts";
import type { DType } from "../graph/dtype.ts";
import { is, type Node } from "../graph/node.ts";
import { type Shape, showShape, sizeOf } from "../graph/shape.ts";
import { Tensor, wrap } from "../tensor/tensor.ts";
import type { AnyTensor } from "../tensor/types.ts";
import { checkNames } from "../util/options.ts";
import type { Module } from "./module.ts";

export interface SummaryOptions {
  /** Of the input. Default float32; int32 for models that begin with an embedding. */
  readonly dtype?: DType;
}

interface Row {
  readonly depth: number;
  readonly name: string;
  readonly kind: string;
  shape: Shape;
  parameters: number;
  multiplyAdds: number;
}

/** Multiply-adds of the contractions above some nodes, without what was there before. */
function multiplyAdds(results: readonly Node[], seen: Set<Node>): number {
  let count = 0;
  const open = [...results];
  while (open.length > 0) {
    const node = open.pop() as Node;
    if (seen.has(node)) continue;
    seen.add(node);
    if (is(node, "contract")) {
      const [a] = node.inputs as readonly [Node];
      count += node.size * node.attributes.contracted[0].reduce((n, axis) => n * (a.shape[axis] as number), 1);
    }
    if (is(node, "scan")) count += node.attributes.length * multiplyAdds(node.attributes.body.results, new Set());
    open.push(...node.inputs);
  }
  return count;
}

/** Marks everything that a tensor is computed from. */
function mark(x: AnyTensor, seen: Set<Node>): void {
  multiplyAdds([x.node], seen);
}

const isTensor = (value: unknown): value is AnyTensor => value instanceof Tensor;

/** A path seen from the module it is in. */
const relative = (path: string, outer: string): string =>
  outer !== "" && path.startsWith(`${outer}.`) ? path.slice(outer.length + 1) : path;

/** Runs the model on an empty input and notes each module's output. */
function rowsOf(model: Module, shape: Shape, dtype: DType): Row[] {
  const names = new Map<Module, string>();
  const nameAll = (value: unknown, path: string): void => {
    if (typeof value !== "object" || value === null || value instanceof Tensor) return;
    if (modules.has(value as Module)) {
      if (names.has(value as Module)) return;
      names.set(value as Module, path);
    } else if (!Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype) return;
    for (const [name, inner] of Object.entries(value)) nameAll(inner, path === "" ? name : `${path}.${name}`);
  };
  const modules = new Set(model.modules());
  nameAll(model, "");
  const rows: Row[] = [];
  const counted = new Set<Module>();
  /** The paths of the modules that run now, from the outermost. */
  const running: string[] = [];
  for (const module of modules) {
    const { forward } = module;
    Object.defineProperty(module, "forward", {
      configurable: true,
      enumerable: false,
      value: (...given: unknown[]): Tensor => {
        const row: Row = {
          depth: running.length,
          name: relative(names.get(module) ?? "", running.at(-1) ?? ""),
          kind: module.constructor.name,
          shape: [],
          parameters: counted.has(module) ? 0 : module.parameterCount(),
          multiplyAdds: 0,
        };
        counted.add(module);
        rows.push(row);
        const seen = new Set<Node>();
        for (const x of given.filter(isTensor)) mark(x, seen);
        running.push(names.get(module) ?? "");
        const y = (forward as (...given: unknown[]) => Tensor).apply(module, given);
        running.pop();
        row.shape = y.shape;
        row.multiplyAdds = multiplyAdds([y.node], seen);
        return y;
      },
    });
  }
  const training = [...modules].map((module) => [module, module.training] as const);
  try {
    model.eval();
    model.forward(wrap(input(shape, dtype, "input")));
  } finally {
    for (const [module, mode] of training) {
      module.setMode(mode);
      delete (module as { forward?: unknown }).forward;
    }
  }
  return rows;
}

const grouped = (n: number): string => n.toLocaleString("en-US");

/** The table: a line for each module that ran, then the totals. */
export function summarize(model: Module, shape: Shape, options: SummaryOptions): string {
  checkNames("summary", options, ["dtype"]);
  const rows = rowsOf(model, shape, options.dtype ?? "float32");
  const cells = rows.map((row) => {
    return [
      `${"  ".repeat(row.depth)}${row.name === "" ? "" : `${row.name}: `}${row.kind}`,
      showShape(row.shape),
      row.parameters === 0 ? "" : grouped(row.parameters),
      row.multiplyAdds === 0 ? "" : grouped(row.multiplyAdds),
    ];
  });
  const header = ["layer", "output", "parameters", "multiply-adds"];
  const widths = header.map((title, i) => Math.max(title.length, ...cells.map((c) => (c[i] as string).length)));
  const line = (c: readonly string[]) =>
    c
      .map((text, i) => (i < 2 ? text.padEnd(widths[i] as number) : text.padStart(widths[i] as number)))
      .join("  ")
      .trimEnd();
  const total = rows[0];
  const bytes = sizeOf([model.parameterCount(), 4]);
  return [
    line(header),
    ...cells.map(line),
    `input ${showShape(shape)}, ${grouped(model.parameterCount())} parameters (${(bytes / 2 ** 20).toFixed(2)} MiB), ${grouped(total?.multiplyAdds ?? 0)} multiply-adds`,
  ].join("\n");
}
