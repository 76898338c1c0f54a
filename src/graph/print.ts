// Prints a graph for people, one line a node, numbered from %0 in the order of evaluation, regions indented:
//
//   %0 = input f32[2,3] "x"
//   %1 = reduceSum f32[2] %0 axes=[1]
//   return %1

import type { DType } from "./dtype.ts";
import { is, type Node, topological } from "./node.ts";
import type { Region } from "./operation.ts";
import { type Shape, showShape } from "./shape.ts";
import { Storage } from "./storage.ts";

const short: Record<DType, string> = {
  bool: "bool",
  uint8: "u8",
  int8: "i8",
  int32: "i32",
  uint32: "u32",
  float16: "f16",
  bfloat16: "bf16",
  float32: "f32",
  float64: "f64",
};

export interface PrintOptions {
  /** Marks this node's line with an arrow. */
  readonly mark?: Node;
  /** Longest text in lines; around the mark, or at the end, that many are kept. Default 200. */
  readonly limit?: number;
}

/** `f32[2,3]` */
export function showType(type: { readonly shape: Shape; readonly dtype: DType }): string {
  return `${short[type.dtype]}${showShape(type.shape)}`;
}

/** The graph that the roots need, as text. */
export function printGraph(roots: readonly Node[], options: PrintOptions = {}): string {
  const printer = new Printer(options.mark ?? null);
  printer.body(roots, "");
  return printer.text(options.limit ?? 200);
}

/** A region: its parameters, its nodes, its results. */
export function printRegion(region: Region, options: PrintOptions = {}): string {
  const printer = new Printer(options.mark ?? null);
  printer.lines.push(`${printer.header(region)} {`);
  printer.body(region.results, "  ");
  printer.lines.push("}");
  return printer.text(options.limit ?? 200);
}

class Printer {
  readonly lines: string[] = [];
  readonly #names = new Map<Node, string>();
  readonly #mark: Node | null;
  #marked = -1;

  constructor(mark: Node | null) {
    this.#mark = mark;
  }

  header(region: Region): string {
    return `(${region.parameters.map((p) => `${this.#name(p)}: ${showType(p)}${p.attributes.name === "" ? "" : ` "${p.attributes.name}"`}`).join(", ")})`;
  }

  body(roots: readonly Node[], indent: string): void {
    for (const node of topological(roots, (n) => this.#names.has(n))) if (!this.#names.has(node)) this.#node(node, indent);
    this.lines.push(`${indent}return${roots.map((r) => ` ${this.#name(r)}`).join("")}`);
  }

  text(limit: number): string {
    if (this.lines.length <= limit) return this.lines.join("\n");
    const end = this.#marked < 0 ? this.lines.length : Math.min(this.lines.length, Math.max(limit, this.#marked + Math.ceil(limit / 4)));
    const start = end - limit;
    const omitted = (n: number) => (n > 0 ? [`… ${n} lines`] : []);
    return [...omitted(start), ...this.lines.slice(start, end), ...omitted(this.lines.length - end)].join("\n");
  }

  #name(node: Node): string {
    let name = this.#names.get(node);
    if (name === undefined) {
      name = `%${this.#names.size}`;
      this.#names.set(node, name);
    }
    return name;
  }

  #node(node: Node, indent: string): void {
    const operands = node.inputs.map((x) => ` ${this.#name(x)}`).join("");
    const details = Object.entries(node.attributes).flatMap(([key, value]) => detail(node, key, value));
    const regions = Object.entries(node.attributes).filter((entry): entry is [string, Region] => isRegion(entry[1]));
    const type =
      is(node, "cond") || is(node, "while") || is(node, "scan") || is(node, "call")
        ? `(${node.attributes.results.map(showType).join(", ")})`
        : showType(node);
    if (node === this.#mark) this.#marked = this.lines.length;
    const arrow = node === this.#mark ? "   <-- here" : "";
    this.lines.push(`${indent}${this.#name(node)} = ${node.op} ${type}${operands}${details.map((d) => ` ${d}`).join("")}${arrow}`);
    for (const [key, region] of regions) {
      this.lines.push(`${indent}  ${key} ${this.header(region)} {`);
      this.body(region.results, `${indent}    `);
      this.lines.push(`${indent}  }`);
    }
  }
}

function isRegion(value: unknown): value is Region {
  return typeof value === "object" && value !== null && "parameters" in value;
}

function detail(node: Node, key: string, value: unknown): string[] {
  if (isRegion(value) || key === "results" || key === "none" || (is(node, "call") && node.attributes.backward === null)) return [];
  if (is(node, "constant")) return [String(value)];
  if (is(node, "input")) return key === "name" && value !== "" ? [`"${value}"`] : [];
  if (value instanceof Storage) return [];
  if (is(node, "checkBounds") && key === "message") return [JSON.stringify(value)];
  return [`${key}=${JSON.stringify(value)}`];
}
