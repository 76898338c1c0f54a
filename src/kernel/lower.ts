// From a task to a kernel: the one entry of this folder.

import type { Target } from "../graph/kernel.ts";
import type { Node } from "../graph/node.ts";
import type { Lowered, Task } from "../graph/task.ts";
import { lowerContract } from "./contract/index.ts";
import { lowerLoops } from "./loops.ts";
import { lowerRoutine } from "./routines/index.ts";

/**
 * Lowers a task to a kernel for a target.
 *
 * `checkOf` gives the number of the message behind a bounds check. Any partition of the kernel's extent gives the same bits.
 */
export function lower(task: Task, target: Target, checkOf: (node: Node<"checkBounds">) => number): Lowered {
  switch (task.kind) {
    case "loops":
      return lowerLoops(task, target, checkOf);
    case "contract":
      return lowerContract(task, target, checkOf);
    case "routine":
      return lowerRoutine(task, target);
  }
}
