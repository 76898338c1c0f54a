// A schedule as text: one line for each task in the order of the steps. For DOWNHILL_DEBUG, and for tests, where a change of fusion shows.

import type { Step } from "../graph/kernel.ts";
import type { Node } from "../graph/node.ts";
import { showType } from "../graph/print.ts";
import type { Schedule, Task } from "../graph/task.ts";

/** The names of the tasks with their form, sizes and what they read and write. */
export function printSchedule(schedule: Schedule): string {
  const names = new Map<Node, string>();
  const nameOf = (node: Node) => {
    const known = names.get(node);
    if (known !== undefined) return known;
    let at = node;
    while (at.op === "reshape") at = at.inputs[0] as Node;
    const label = at.op === "input" ? (at as Node<"input">).attributes.name : (names.get(at) ?? `t${names.size}`);
    names.set(node, label);
    return label;
  };
  const typed = (node: Node) => `${nameOf(node)}:${showType(node)}`;
  const line = (task: Task) => {
    const form =
      task.kind === "loops"
        ? `${task.inner.length > 0 ? "rows" : "loops"} [${task.domain}]${task.inner.length > 0 ? `×[${task.inner}]` : ""}`
        : task.kind === "contract"
          ? `contract [${task.hero.shape}] k=${task.hero.inputs[0]?.shape[2]} tile ${task.tile.rows}x${task.tile.columns}`
          : "routine";
    const inputs = task.inputs.map(nameOf).join(" ");
    return `${form} ${task.name} (${inputs}) -> ${task.outputs.map(typed).join(" ")}`;
  };
  const lines: string[] = [];
  const walk = (steps: readonly Step[], indent: string) => {
    for (const step of steps) {
      if (step.kind === "call") lines.push(indent + line(schedule.tasks[step.kernel] as Task));
      else if (step.kind === "copy") lines.push(`${indent}copy ${step.bytes} bytes`);
      else if (step.kind === "loop") {
        lines.push(`${indent}loop ${step.count}${step.reverse ? " reversed" : ""}`);
        walk(step.body, `${indent}  `);
      } else if (step.kind === "while") {
        lines.push(`${indent}while`);
        walk(step.test, `${indent}  ? `);
        walk(step.body, `${indent}  `);
      } else if (step.kind === "if") {
        lines.push(`${indent}if`);
        walk(step.then, `${indent}  `);
        lines.push(`${indent}else`);
        walk(step.otherwise, `${indent}  `);
      } else lines.push(indent + step.kind);
    }
  };
  walk(schedule.steps, "");
  return lines.join("\n");
}
