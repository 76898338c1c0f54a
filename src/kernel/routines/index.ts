// Operations with an algorithm of their own, written out in the loop language.

import type { KernelBuffer, Target } from "../../graph/kernel.ts";
import { inputOf, is, type Node } from "../../graph/node.ts";
import { type Lowered, memoryOf, type RoutineTask } from "../../graph/task.ts";
import { InternalError } from "../../util/errors.ts";
import { lowerRecurrence } from "./recurrence.ts";
import { lowerScatterAdd } from "./scatter.ts";
import { lowerArgSort } from "./sort.ts";

/** Lowers a routine task to a kernel and the sizes of its scratch buffers. */
export function lowerRoutine(task: RoutineTask, target: Target): Lowered {
  const { hero } = task;
  const bufferOf = (node: Node): number => {
    const index = task.inputs.indexOf(node);
    if (index < 0) throw new InternalError(`operand ${node.op}#${node.id} of ${hero.op} is no input of the task`);
    return index;
  };
  const inputs: KernelBuffer[] = task.inputs.map((node) => ({ memory: memoryOf(node.dtype), access: "read" }));
  const result = inputs.length;
  const buffers: KernelBuffer[] = [...inputs, { memory: memoryOf(hero.dtype), access: "readwrite" }];
  const operands = hero.inputs.map((_, i) => bufferOf(inputOf(hero, i)));
  if (is(hero, "scatterAdd")) return lowerScatterAdd(task.name, hero, target, buffers, operands, result);
  if (is(hero, "argSort")) return lowerArgSort(task.name, hero, buffers, operands, result);
  if (is(hero, "recurrence")) return lowerRecurrence(task.name, hero, target, buffers, operands, result);
  throw new InternalError(`no routine for ${(hero as Node).op}`);
}
