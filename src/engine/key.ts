// The structure of a graph as a string: two graphs with one key are the same program on other data.

import { is, type Node, topological } from "../graph/node.ts";
import type { Attributes, Region } from "../graph/operation.ts";

const regionKeys = new WeakMap<Region, string>();

/** The key of a region: types of the parameters, then every node in order, then which of them are results. */
export function regionKey(region: Region): string {
  let key = regionKeys.get(region);
  if (key === undefined) {
    const writer = new KeyWriter();
    for (const parameter of region.parameters) writer.parameter(parameter);
    for (const node of topological(region.results)) writer.node(node);
    key = writer.end(region.results);
    regionKeys.set(region, key);
  }
  return key;
}

/** Writes nodes in topological order, each as its operation, its attributes and the numbers of its inputs. */
export class KeyWriter {
  #text = "";
  readonly #numbers = new Map<Node, number>();

  /** A leaf whose value is given at run time. */
  parameter(node: Node): void {
    this.#add(node, `?${node.dtype}${node.shape.join()}`);
  }

  /** A node that stands for an operation with other inputs than its own (a slice with starts from outside). */
  special(node: Node, text: string, inputs: readonly Node[]): void {
    for (const x of inputs) text += `,${this.#numbers.get(x)}`;
    this.#add(node, text);
  }

  has(node: Node): boolean {
    return this.#numbers.has(node);
  }

  node(node: Node): void {
    if (this.#numbers.has(node)) return;
    let text = node.op + attributesKey(node);
    for (const x of node.inputs) text += `,${this.#numbers.get(x)}`;
    this.#add(node, text);
  }

  end(results: readonly Node[]): string {
    return `${this.#text}=>${results.map((r) => this.#numbers.get(r)).join()}`;
  }

  #add(node: Node, text: string): void {
    this.#numbers.set(node, this.#numbers.size);
    this.#text += `${text};`;
  }
}

/** `-0` is another constant than `0`. */
const number = (n: number): string => (Object.is(n, -0) ? "-0" : String(n));
const regions = (...list: Region[]): string => list.map((r) => `{${regionKey(r)}}`).join("");

/** What a node carries beside its inputs, and its type where the inputs do not give it. */
function attributesKey(node: Node): string {
  switch (node.op) {
    case "constant":
      return `:${node.dtype}${number((node.attributes as Attributes["constant"]).value)}`;
    case "input":
    case "buffer":
      // A leaf that is no parameter has no structure to speak of: it is itself.
      return `#${node.id}`;
    case "iota":
      return `:${node.shape.join()}@${(node.attributes as Attributes["iota"]).axis}`;
    case "cast":
      return `:${node.dtype}`;
    case "reshape":
    case "expand":
    case "dynamicSlice":
      return `:${node.shape.join()}`;
    case "checkBounds": {
      const { size, message } = node.attributes as Attributes["checkBounds"];
      return `:${size}${JSON.stringify(message)}`;
    }
    case "threefry":
      return `:${(node.attributes as Attributes["threefry"]).word}`;
    case "reduceSum":
    case "reduceProduct":
    case "reduceMax":
    case "reduceMin":
      return `:${(node.attributes as Attributes["reduceSum"]).axes.join()}`;
    case "argMax":
    case "argMin":
    case "gather":
      return `:${(node.attributes as Attributes["gather"]).axis}`;
    case "scatterAdd": {
      const { axis, combine } = node.attributes as Attributes["scatterAdd"];
      return `:${node.shape.join()}@${axis}${combine}`;
    }
    case "permute":
      return `:${(node.attributes as Attributes["permute"]).axes.join()}`;
    case "slice": {
      const { starts, steps } = node.attributes as Attributes["slice"];
      return `:${node.shape.join()}@${starts.join()}/${steps.join()}`;
    }
    case "pad": {
      const { low, high, interior, value } = node.attributes as Attributes["pad"];
      return `:${low.join()}/${high.join()}/${interior.join()}/${number(value)}`;
    }
    case "window": {
      const { axes, sizes, strides, dilations } = node.attributes as Attributes["window"];
      return `:${axes.join()}/${sizes.join()}/${strides.join()}/${dilations.join()}`;
    }
    case "contract": {
      const { batch, contracted } = node.attributes as Attributes["contract"];
      return `:${batch[0].join()}/${batch[1].join()}/${contracted[0].join()}/${contracted[1].join()}`;
    }
    case "argSort":
      return (node.attributes as Attributes["argSort"]).descending ? ":down" : "";
    case "recurrence": {
      const { combine, axis, reverse } = node.attributes as Attributes["recurrence"];
      return `:${combine}@${axis}${reverse}`;
    }
    case "cond": {
      const { then, otherwise } = node.attributes as Attributes["cond"];
      return regions(then, otherwise);
    }
    case "while": {
      const { condition, body, constants } = node.attributes as Attributes["while"];
      return `:${constants}${regions(condition, body)}`;
    }
    case "scan": {
      const { body, constants, carries, length, reverse } = node.attributes as Attributes["scan"];
      return `:${constants}/${carries}/${length}/${reverse}${regions(body)}`;
    }
    case "call":
      return regions((node.attributes as Attributes["call"]).body);
    case "project":
      return `:${(node.attributes as Attributes["project"]).index}`;
    default:
      return "";
  }
}

/** Whether a node's value is known without running anything and costs nothing to keep: a constant, perhaps stretched. */
export function isConstant(node: Node): boolean {
  let at = node;
  while (at.op === "reshape" || at.op === "expand") at = at.inputs[0] as Node;
  return is(at, "constant");
}
