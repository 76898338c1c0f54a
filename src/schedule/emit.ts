// From groups to steps and buffers, region by region. A region is given the operands that hold its parameters and a place
// for each result; every stored node gets a buffer, and the work is put in order (order.ts).

import { bytesOf } from "../graph/dtype.ts";
import type { Operand, Step, Target } from "../graph/kernel.ts";
import { is, type Node } from "../graph/node.ts";
import { familyOf, type Region, type ResultType } from "../graph/operation.ts";
import { regionsOf } from "../graph/rewrite.ts";
import { sizeOf } from "../graph/shape.ts";
import type { Check, ScheduledBuffer, Task } from "../graph/task.ts";
import { InternalError } from "../util/errors.ts";
import type { Grouping } from "./group.ts";
import { hasMemory, homeOf, nodesOf } from "./memory.ts";
import { arrange, type Donation, type Work } from "./order.ts";
import { canOverwrite, canOverwriteByRegion } from "./overwrite.ts";
import { emitRegionOperation } from "./regions.ts";
import type { Simplified } from "./simplify.ts";
import { writeTask } from "./tasks.ts";

/** Where a region's parameters lie and where its results go. */
export interface Binding {
  readonly parameters: readonly Operand[];
  /** The place of a result, asked once; `inPlace`: it must be that of the parameter it is donated. */
  readonly result: (index: number, inPlace: boolean) => Operand;
  /** `[parameter, result]`: the result may be written over the parameter. */
  readonly donations: readonly (readonly [number, number])[];
  /** Whether to leave after the checks if one has failed: only the outermost region. */
  readonly guarded: boolean;
}

export interface Emitted {
  readonly steps: readonly Step[];
  readonly inPlace: ReadonlySet<number>;
}

/** How a region is cut into groups. */
export type Grouper = (region: Region, order: readonly Node[]) => Grouping;

/** What stands behind a `Work`. */
type Content =
  | { readonly kind: "task"; readonly task: Task }
  | { readonly kind: "region"; readonly node: Node; readonly projections: ReadonlyMap<number, Node> }
  | { readonly kind: "copy"; readonly from: Node; readonly result: number };

interface Piece extends Work {
  readonly content: Content;
  readonly rank: number;
}

/** Collects the tasks, buffers and checks of a whole schedule. */
export class Emitter {
  readonly tasks: Task[] = [];
  readonly buffers: ScheduledBuffer[] = [];
  readonly checks: Check[] = [];
  private readonly checkNumbers = new Map<Node, number>();
  private readonly simplified: Simplified;
  private readonly target: Target;
  private readonly group: Grouper;
  private readonly effects: Map<Region, readonly Node[]>;
  private counters = 0;

  constructor(simplified: Simplified, target: Target, group: Grouper) {
    this.simplified = simplified;
    this.effects = new Map(simplified.effects);
    this.target = target;
    this.group = group;
  }

  checkOf(node: Node<"checkBounds">): number {
    const number = this.checkNumbers.get(node);
    if (number === undefined) throw new InternalError(`checkBounds#${node.id} is in no task`);
    return number;
  }

  buffer(buffer: ScheduledBuffer): Operand {
    this.buffers.push(buffer);
    return { buffer: this.buffers.length - 1 };
  }

  temporary({ shape, dtype }: ResultType): Operand {
    return this.buffer({ kind: "temporary", bytes: sizeOf(shape) * bytesOf(dtype) });
  }

  /** A new loop counter. */
  counter(): number {
    return this.counters++;
  }

  /** The region with some of its results only: nobody takes the others. */
  narrowed(region: Region, results: readonly number[]): Region {
    const narrow = { parameters: region.parameters, results: results.map((i) => region.results[i] as Node) };
    this.effects.set(narrow, this.effectsOf(region));
    return narrow;
  }

  private effectsOf(region: Region): readonly Node[] {
    const effects = this.effects.get(region);
    if (effects === undefined) throw new InternalError("a region was not simplified");
    return effects;
  }

  /** The steps that compute a region's results. */
  region(region: Region, binding: Binding): Emitted {
    const pieces = this.pieces(region);
    const owners = claim(region, pieces);
    pieces.sort((a, b) => a.rank - b.rank);
    const donated = new Map<number, Node>();
    for (const [parameter, result] of binding.donations) donated.set(result, region.parameters[parameter] as Node);
    const donations = [...donated].map(([result, parameter]) => donationOf(region, pieces, owners, parameter, result));
    const claimed = new Set(owners);
    const bytes = (node: Node) => (claimed.has(node) || hasMemory(node) ? 0 : node.size * bytesOf(node.dtype));
    const { sequence, inPlace } = arrange(pieces, donations, binding.guarded, bytes);

    const memory = new Map<Node, Operand>();
    region.parameters.forEach((node, i) => {
      memory.set(node, binding.parameters[i] as Operand);
    });
    const places = region.results.map((_, i) => binding.result(i, inPlace.has(i)));
    owners.forEach((node, i) => {
      if (node !== null) memory.set(node, places[i] as Operand);
    });
    const at = (node: Node): Operand => {
      const home = homeOf(node);
      let operand = memory.get(home);
      if (operand === undefined) {
        operand = this.temporary(home);
        memory.set(home, operand);
      }
      return operand;
    };
    const overwritten = new Map<Node, Node>();
    for (const i of inPlace) {
      const owner = owners[i] ?? null;
      if (owner !== null) overwritten.set(owner, donated.get(i) as Node);
    }

    const steps: Step[] = [];
    for (const i of sequence) {
      const content = i === null ? null : (pieces[i] as Piece).content;
      if (content === null) steps.push({ kind: "guard" });
      else if (content.kind === "task") {
        const { task } = content;
        steps.push({ kind: "call", kernel: this.tasks.length, operands: [...task.inputs, ...task.outputs].map(at) });
        this.tasks.push(task);
      } else if (content.kind === "region") {
        steps.push(...emitRegionOperation(this, content.node, content.projections, at, overwritten));
      } else if (!inPlace.has(content.result) || donated.get(content.result) !== content.from)
        steps.push(...copy(at(content.from), places[content.result] as Operand, content.from));
    }
    return { steps, inPlace };
  }

  private pieces(region: Region): Piece[] {
    const { packed, rank } = this.simplified;
    const order = nodesOf(region, packed, this.effectsOf(region));
    const { groups, stored } = this.group(region, order);
    const first = (nodes: readonly Node[]) => nodes.reduce((least, n) => Math.min(least, rank.get(n) ?? 0), Number.MAX_VALUE);
    const pieces: Piece[] = [];
    for (const group of groups) {
      if (group.outputs.every((n) => n.size === 0)) continue;
      const { task, checks } = writeTask(group, stored, packed, this.target);
      for (const node of checks) this.numberCheck(node);
      pieces.push({
        reads: task.inputs.map(homeOf),
        writes: task.outputs,
        checks: checks.length > 0,
        content: { kind: "task", task },
        // Scalars made from parameters are done first: what waits for them frees memory.
        rank:
          task.outputs.every((n) => n.size === 1) && task.inputs.every((n) => homeOf(n).op === "input" && n.size === 1)
            ? -1
            : first(group.outputs),
      });
    }
    const projections = new Map<Node, Map<number, Node>>();
    for (const node of order) {
      if (familyOf[node.op] === "region") projections.set(node, new Map());
      else if (is(node, "project")) projections.get(node.inputs[0] as Node)?.set(node.attributes.index, node);
    }
    for (const [node, taken] of projections) {
      pieces.push({
        reads: node.inputs.map(homeOf),
        writes: [...taken.values()],
        checks: regionsOf(node).some((inner) => this.effectsOf(inner).length > 0),
        content: { kind: "region", node, projections: taken },
        rank: first([node]),
      });
    }
    return pieces;
  }

  private numberCheck(node: Node<"checkBounds">): void {
    const { message, size } = node.attributes;
    let index = this.checks.findIndex((c) => c.message === message && c.size === size);
    if (index < 0) index = this.checks.push({ message, size }) - 1;
    this.checkNumbers.set(node, index);
  }
}

/** The node that is written straight into each result's place; null where the result is a copy, for which a piece is added. */
function claim(region: Region, pieces: Piece[]): (Node | null)[] {
  const taken = new Set<Node>();
  return region.results.map((value, result) => {
    const home = homeOf(value);
    if (home.op !== "input" && !taken.has(home)) {
      taken.add(home);
      return home;
    }
    pieces.push({ reads: [home], writes: [], checks: false, content: { kind: "copy", from: home, result }, rank: Number.MAX_VALUE });
    return null;
  });
}

function donationOf(region: Region, pieces: readonly Piece[], owners: readonly (Node | null)[], parameter: Node, result: number): Donation {
  const owner = owners[result] ?? null;
  if (owner === null) {
    const unchanged = homeOf(region.results[result] as Node) === parameter;
    const writer = pieces.findIndex(({ content }) => content.kind === "copy" && content.result === result);
    return { parameter, result, writer: unchanged ? null : writer, legal: true };
  }
  const writer = pieces.findIndex((p) => p.writes.includes(owner));
  const content = pieces[writer]?.content;
  // An empty result is written by nobody.
  if (content === undefined || content.kind === "copy") return { parameter, result, writer: null, legal: true };
  if (content.kind === "task") return { parameter, result, writer, legal: canOverwrite(content.task, parameter, owner) };
  const legal = is(owner, "project") && canOverwriteByRegion(content.node, owner.attributes.index, parameter);
  return { parameter, result, writer, legal };
}

/** Copies a value from place to place, unless they are the same. */
export function copy(from: Operand, to: Operand, type: ResultType): Step[] {
  const bytes = sizeOf(type.shape) * bytesOf(type.dtype);
  return bytes === 0 || samePlace(from, to) ? [] : [{ kind: "copy", from, to, bytes }];
}

function samePlace(a: Operand, b: Operand): boolean {
  if (a.buffer !== b.buffer) return false;
  const [x, y] = [a.strides ?? [], b.strides ?? []];
  return x.length === y.length && x.every((s, i) => s.counter === y[i]?.counter && s.bytes === y[i]?.bytes);
}
