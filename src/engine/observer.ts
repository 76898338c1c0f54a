// Who looks on while programs are compiled, and may have the time taken after each of their steps: profiles, printers.

import type { Device, Executable } from "../graph/device.ts";
import type { Program, Step } from "../graph/kernel.ts";
import type { Region } from "../graph/operation.ts";
import type { Schedule } from "../graph/task.ts";
import { printerUnasked } from "./environment.ts";
import { Setting } from "./setting.ts";

/** A program with all that it went through. */
export interface Compilation {
  readonly device: Device;
  readonly region: Region;
  readonly schedule: Schedule;
  readonly program: Program;
  readonly executable: Executable;
  /** Seconds of each stage. */
  readonly seconds: { readonly schedule: number; readonly lower: number; readonly place: number; readonly load: number };
}

export interface Observer {
  /** Whether programs shall have marks: slot i is what the i-th of `measured(program.steps)` took. */
  readonly marks: boolean;
  compiled(compilation: Compilation): void;
}

/** The observer, if there is one. What was compiled for another is compiled again. */
export const observer: Setting<Observer | null> = new Setting<Observer | null>(printerUnasked());

/** The steps that are measured, one slot each: what stands in a loop is measured there. */
export function measured(steps: readonly Step[]): Step[] {
  return steps.flatMap((step) => {
    switch (step.kind) {
      case "call":
      case "copy":
        return [step];
      case "loop":
        return measured(step.body);
      case "while":
        return [...measured(step.test), ...measured(step.body)];
      case "if":
        return [...measured(step.then), ...measured(step.otherwise)];
      default:
        return [];
    }
  });
}

/** The program with a mark after each step that is measured. */
export function withMarks(program: Program): Program {
  let slots = 0;
  const marked = (steps: readonly Step[]): Step[] =>
    steps.flatMap((step): Step[] => {
      switch (step.kind) {
        case "call":
        case "copy":
          return [step, { kind: "mark", slot: slots++ }];
        case "loop":
          return [{ ...step, body: marked(step.body) }];
        case "while":
          return [{ ...step, test: marked(step.test), body: marked(step.body) }];
        case "if":
          return [{ ...step, then: marked(step.then), otherwise: marked(step.otherwise) }];
        default:
          return [step];
      }
    });
  const steps = marked(program.steps);
  return { ...program, steps, marks: slots };
}
