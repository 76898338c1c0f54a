// What DOWNHILL_DEBUG prints, to the standard error, of every program that is compiled: its graph, its schedule, its kernels in the loop
// language, and the C that is made of them. `1` prints all; a list such as `schedule,code` prints some.

import type { Compilation, Observer } from "../engine/observer.ts";
import { printRegion } from "../graph/print.ts";
import { printKernel } from "../kernel/print.ts";
import { renderC } from "../render/c/program.ts";
import { printSchedule } from "../schedule/print.ts";
import { mistake } from "../util/errors.ts";

const parts: Record<string, (compilation: Compilation) => string> = {
  graph: ({ region }) => printRegion(region),
  schedule: ({ schedule }) => printSchedule(schedule),
  loops: ({ program }) => program.kernels.map(printKernel).join("\n"),
  code: ({ device, program }) => (device.name === "native" ? renderC(program).source : "a WebAssembly module of the loops above"),
};

/** The observer for a value of DOWNHILL_DEBUG; `print` takes what is to be shown. */
export function printer(value: string, print: (text: string) => void): Observer {
  const chosen = ["1", "true", "all"].includes(value) ? Object.keys(parts) : value.split(",").map((part) => part.trim());
  for (const part of chosen)
    if (!Object.hasOwn(parts, part))
      throw mistake("OPTION", {
        where: "DOWNHILL_DEBUG",
        problem: "unknown part",
        got: part,
        expected: `1, or of ${Object.keys(parts).join(", ")}`,
      });
  let programs = 0;
  return {
    marks: false,
    compiled(compilation) {
      programs++;
      for (const part of chosen) print(`── program ${programs} on ${compilation.device.name}: ${part}\n${parts[part]?.(compilation)}\n`);
    },
  };
}
