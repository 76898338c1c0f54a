// Branches and loops as steps. A loop keeps its carries in one place: the next value is written over the last one where the
// body allows it, else copied there at the end of the iteration. Sequences and stacked outputs are operands that move with
// the loop's counter, so nothing is cut up or put together.

import { bytesOf } from "../graph/dtype.ts";
import type { Operand, Step } from "../graph/kernel.ts";
import { inputOf, is, type Node } from "../graph/node.ts";
import type { Region, ResultType } from "../graph/operation.ts";
import { sizeOf } from "../graph/shape.ts";
import { InternalError } from "../util/errors.ts";
import { copy, type Emitter } from "./emit.ts";
import { homeOf } from "./memory.ts";

/** What the steps of one region operation are made from. */
interface Job {
  readonly emitter: Emitter;
  readonly operands: readonly Operand[];
  /** The place of each result that somebody takes. */
  readonly outputs: readonly (Operand | null)[];
  /** Whether a carry already lies in its place when the loop begins: it is a variable, updated in place. */
  readonly settled: (carry: number) => boolean;
}

/**
 * The steps of a cond, while or scan.
 *
 * @param projections the results that are taken, by index
 * @param at the place of a stored node
 * @param overwritten results that are written over a parameter, with that parameter
 */
export function emitRegionOperation(
  emitter: Emitter,
  node: Node,
  projections: ReadonlyMap<number, Node>,
  at: (node: Node) => Operand,
  overwritten: ReadonlyMap<Node, Node>,
): Step[] {
  const { results } = node.attributes as { results: readonly ResultType[] };
  const taken = results.map((_, i) => projections.get(i));
  const job = (constants: number): Job => ({
    emitter,
    operands: node.inputs.map(at),
    outputs: taken.map((result) => (result === undefined ? null : at(result))),
    settled: (carry) => {
      const result = taken[carry];
      return result !== undefined && overwritten.get(result) === homeOf(inputOf(node, constants + carry));
    },
  });
  if (is(node, "cond")) return emitCond(node, job(0));
  if (is(node, "while")) return emitWhile(node, job(node.attributes.constants));
  if (is(node, "scan")) return emitScan(node, job(node.attributes.constants));
  throw new InternalError(`${node.op}#${node.id} is no region operation`);
}

function emitCond(node: Node<"cond">, { emitter, operands, outputs }: Job): Step[] {
  const { then, otherwise } = node.attributes;
  const alive = outputs.flatMap((output, i) => (output === null ? [] : [i]));
  const branch = (region: Region) => {
    const result = (i: number) => outputs[alive[i] as number] as Operand;
    return emitter.region(emitter.narrowed(region, alive), { parameters: operands.slice(1), result, donations: [], guarded: false }).steps;
  };
  return [{ kind: "if", condition: operands[0] as Operand, then: branch(then), otherwise: branch(otherwise) }];
}

function emitWhile(node: Node<"while">, job: Job): Step[] {
  const { condition, body, constants, results } = node.attributes;
  const { places, steps } = startState(job, constants, results);
  const parameters = [...job.operands.slice(0, constants), ...places];
  const flag = job.emitter.temporary({ shape: [], dtype: "bool" });
  const test = job.emitter.region(condition, { parameters, result: () => flag, donations: [], guarded: false }).steps;
  return [...steps, { kind: "while", test, condition: flag, body: iteration(job, body, parameters, constants, places) }];
}

function emitScan(node: Node<"scan">, job: Job): Step[] {
  const { body, constants, carries, length, reverse, results } = node.attributes;
  const { places, steps } = startState(job, constants, results.slice(0, carries));
  if (length === 0) return steps;
  const counter = job.emitter.counter();
  const moving = (operand: Operand, { shape, dtype }: ResultType): Operand => ({
    buffer: operand.buffer,
    strides: [...(operand.strides ?? []), { counter, bytes: sizeOf(shape) * bytesOf(dtype) }],
  });
  const first = constants + carries;
  const sequences = job.operands.slice(first).map((operand, i) => moving(operand, body.parameters[first + i] as Node));
  const parameters = [...job.operands.slice(0, constants), ...places, ...sequences];
  const alive = body.results.flatMap((_, i) => (i < carries || (job.outputs[i] ?? null) !== null ? [i] : []));
  const stacked = alive.slice(carries).map((i) => moving(job.outputs[i] as Operand, body.results[i] as Node));
  const inside = iteration(job, job.emitter.narrowed(body, alive), parameters, constants, places, stacked);
  return [...steps, { kind: "loop", counter, count: length, reverse, body: inside }];
}

/** Places for a loop's state, and the steps that give it its first values. */
function startState(job: Job, constants: number, types: readonly ResultType[]): { places: Operand[]; steps: Step[] } {
  const steps: Step[] = [];
  const places = types.map((type, i) => {
    const place = job.outputs[i] ?? job.emitter.temporary(type);
    if (!job.settled(i)) steps.push(...copy(job.operands[constants + i] as Operand, place, type));
    return place;
  });
  return { places, steps };
}

/** One iteration: the body, then the carries that could not be written in place moved to where the next iteration reads them. */
function iteration(
  job: Job,
  body: Region,
  parameters: readonly Operand[],
  constants: number,
  places: readonly Operand[],
  stacked: readonly Operand[] = [],
): Step[] {
  const moves: Step[] = [];
  const { steps } = job.emitter.region(body, {
    parameters,
    result: (i, inPlace) => {
      const place = places[i];
      if (place === undefined) return stacked[i - places.length] as Operand;
      if (inPlace) return place;
      const next = job.emitter.temporary(body.results[i] as Node);
      moves.push(...copy(next, place, body.results[i] as Node));
      return next;
    },
    donations: places.map((_, i) => [constants + i, i] as const),
    guarded: false,
  });
  return [...steps, ...moves];
}
