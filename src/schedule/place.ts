// The arena: temporaries and scratch placed by lifetimes, so that a step allocates nothing when it runs.
//
// Steps are numbered in order, those of branches and loop bodies within the range of their step. A buffer lives from its
// first to its last use inside the innermost block that holds all its uses, where a use inside a deeper block counts as a
// use by that whole step: what a loop reads from outside lives as long as the loop, what it only uses within one iteration
// shares its place with the rest of the body.

import type { Operand, Program, ProgramBuffer, Step } from "../graph/kernel.ts";
import type { Lowered, Schedule } from "../graph/task.ts";
import { InternalError } from "../util/errors.ts";
import { arrangeArena, type Lifetime, mostAlive } from "./arena.ts";

/** A program and what its arena costs at least. */
export interface PlacedProgram extends Program {
  /** The most bytes of temporaries and scratch that are alive at one time: no placing can need less. */
  readonly lowerBoundBytes: number;
}

/** Places temporaries and scratch in one arena by lifetimes. `lowered[i]` belongs to `schedule.tasks[i]`. */
export function place(schedule: Schedule, lowered: readonly Lowered[]): PlacedProgram {
  const { steps, count, lifetimes } = prepare(schedule, lowered);
  const arena = arrangeArena([...lifetimes.values()]);
  const offsets = new Map([...lifetimes.keys()].map((buffer, i) => [buffer, arena.offsets[i] as number]));
  return {
    kernels: lowered.map((l) => l.kernel),
    buffers: Array.from({ length: count }, (_, i): ProgramBuffer => {
      const scheduled = schedule.buffers[i];
      return scheduled?.kind === "table" ? scheduled : { kind: "arena", offset: offsets.get(i) ?? 0 };
    }),
    steps,
    arenaBytes: arena.bytes,
    lowerBoundBytes: mostAlive([...lifetimes.values()]),
    inputs: schedule.inputs,
    outputs: schedule.outputs,
    exchanges: schedule.exchanges,
    checks: schedule.checks,
  };
}

/** Steps with scratch among the operands, the number of buffers with those, and the lifetimes of all that go into the arena. */
function prepare(schedule: Schedule, lowered: readonly Lowered[]): { steps: Step[]; count: number; lifetimes: Map<number, Lifetime> } {
  const sizes: number[] = schedule.buffers.map((b) => (b.kind === "temporary" ? b.bytes : 0));
  const steps = withScratch(schedule.steps, lowered, sizes);
  const lifetimes = lifetimesOf(steps, sizes);
  schedule.buffers.forEach((buffer, i) => {
    if (buffer.kind === "table") lifetimes.delete(i);
  });
  return { steps, count: sizes.length, lifetimes };
}

/** The steps with each call's scratch buffers among its operands; `sizes` grows by them. */
function withScratch(steps: readonly Step[], lowered: readonly Lowered[], sizes: number[]): Step[] {
  return steps.map((step): Step => {
    switch (step.kind) {
      case "call": {
        const task = lowered[step.kernel];
        if (task === undefined) throw new InternalError(`task ${step.kernel} was not lowered`);
        const scratch = task.scratch.map((bytes) => ({ buffer: sizes.push(bytes) - 1 }));
        if (task.kernel.buffers.length !== step.operands.length + scratch.length)
          throw new InternalError(
            `kernel ${task.kernel.name} has ${task.kernel.buffers.length} buffers, its call ${step.operands.length} and ${scratch.length} of scratch`,
          );
        return scratch.length === 0 ? step : { ...step, operands: [...step.operands, ...scratch] };
      }
      case "loop":
        return { ...step, body: withScratch(step.body, lowered, sizes) };
      case "while":
        return { ...step, test: withScratch(step.test, lowered, sizes), body: withScratch(step.body, lowered, sizes) };
      case "if":
        return { ...step, then: withScratch(step.then, lowered, sizes), otherwise: withScratch(step.otherwise, lowered, sizes) };
      default:
        return step;
    }
  });
}

interface Block {
  readonly parent: Block | null;
  readonly depth: number;
  /** The step that the block is part of, as a range of positions. */
  readonly first: number;
  last: number;
}

interface Use {
  readonly block: Block;
  readonly first: number;
  readonly last: number;
}

/** The lifetime of every buffer that a step uses. */
export function lifetimesOf(steps: readonly Step[], sizes: readonly number[]): Map<number, Lifetime> {
  const uses = new Map<number, Use[]>();
  let position = 0;
  const walk = (block: Block, list: readonly Step[]): void => {
    for (const step of list) {
      const first = position++;
      const whole = { parent: block, depth: block.depth + 1, first, last: first };
      for (const inner of blocksOf(step)) {
        const child = { ...whole };
        walk(child, inner);
        whole.last = position - 1;
        // Both blocks of a while belong to the whole of it.
        children.push([child, whole]);
      }
      const last = step.kind === "while" ? position - 1 : first;
      for (const { buffer } of operandsOf(step)) {
        const known = uses.get(buffer);
        if (known === undefined) uses.set(buffer, [{ block, first, last }]);
        else known.push({ block, first, last });
      }
    }
  };
  const children: [Block, Block][] = [];
  walk({ parent: null, depth: 0, first: 0, last: 0 }, steps);
  for (const [child, whole] of children) child.last = whole.last;
  return new Map([...uses].map(([buffer, list]) => [buffer, { bytes: sizes[buffer] as number, ...span(list) }]));
}

/** The range of steps, in the innermost common block, that holds all uses. */
function span(uses: readonly Use[]): { first: number; last: number } {
  let common = (uses[0] as Use).block;
  for (const { block } of uses) {
    let other = block;
    while (other !== common) {
      if (other.depth >= common.depth) other = other.parent as Block;
      else common = common.parent as Block;
    }
  }
  let first = Number.POSITIVE_INFINITY;
  let last = 0;
  for (const use of uses) {
    let range: { first: number; last: number } = use;
    for (let block = use.block; block !== common; block = block.parent as Block) range = block;
    first = Math.min(first, range.first);
    last = Math.max(last, range.last);
  }
  return { first, last };
}

function blocksOf(step: Step): readonly (readonly Step[])[] {
  if (step.kind === "loop") return [step.body];
  if (step.kind === "while") return [step.test, step.body];
  return step.kind === "if" ? [step.then, step.otherwise] : [];
}

function operandsOf(step: Step): readonly Operand[] {
  switch (step.kind) {
    case "call":
      return step.operands;
    case "copy":
      return [step.from, step.to];
    case "while":
    case "if":
      return [step.condition];
    case "counter":
      return [step.to];
    default:
      return [];
  }
}
