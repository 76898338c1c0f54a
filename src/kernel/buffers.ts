// The kernel's view of a task's memory.

import type { KernelBuffer } from "../graph/kernel.ts";
import { memoryOf, type Task } from "../graph/task.ts";

/** The task's inputs, then its outputs, of which some are read again. */
export function kernelBuffers(task: Task, readBack: readonly number[] = []): KernelBuffer[] {
  return [...task.inputs, ...task.outputs].map(({ dtype }, i): KernelBuffer => {
    const access = i < task.inputs.length ? "read" : readBack.includes(i) ? "readwrite" : "write";
    return { memory: memoryOf(dtype), access };
  });
}
