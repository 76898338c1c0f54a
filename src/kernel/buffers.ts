// The kernel's view of a task's memory.

import type { KernelBuffer } from "../graph/kernel.ts";
import { memoryOf, type Task } from "../graph/task.ts";

/** The task's inputs, then its outputs. */
export function kernelBuffers(task: Task): KernelBuffer[] {
  return [
    ...task.inputs.map((n): KernelBuffer => ({ memory: memoryOf(n.dtype), access: "read" })),
    ...task.outputs.map((n): KernelBuffer => ({ memory: memoryOf(n.dtype), access: "write" })),
  ];
}
