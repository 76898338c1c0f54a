// Threads on small programs: a test is too small for any of its kernels to be worth sharing.

import type { ProgramDevice } from "../../src/graph/device.ts";
import type { Program } from "../../src/graph/kernel.ts";
import * as l from "./language.ts";

/** The same program with kernels that claim to be long, so that each is cut into as many parts as there may be. */
export function laborious(program: Program): Program {
  return { ...program, kernels: program.kernels.map((kernel) => ({ ...kernel, cost: { flops: 1e12, bytes: 0 } })) };
}

/** From now on the device shares every kernel of the programs that it loads; it shows them to `see`. */
export function shareEverything(device: ProgramDevice, see: (program: Program) => void = () => {}): void {
  const load = device.load.bind(device);
  device.load = (program) => {
    const shared = laborious(program);
    see(shared);
    return load(shared);
  };
}

/** out[i] = a function of a[i] that takes a while for some i. */
export function uneven(n: number, grain = 1): Program {
  const x = l.variable(l.f32, "x");
  const rounds = l.binary("and", l.binary("shr", l.int("i"), l.int(3)), l.int(255));
  const turn = l.set("x", l.fma(x, l.constant(l.f32, 0.99), l.constant(l.f32, 1)));
  const body = [l.loop("j", 0, rounds, 1, [turn]), l.store(1, "i", x)];
  const kernel = l.kernel(["f32", "f32!"], n, [l.loop("i", l.begin, l.end, 1, [l.define("x", l.load(l.f32, 0, "i")), ...body])]);
  return laborious(l.program([{ ...kernel, grain }], 1, 1, [l.call(0, 0, 1)]));
}

/** Flags every element that is below zero with its value, by a number that says which of two checks. */
export function flagging(n: number): Program {
  const x = l.load(l.i32, 0, "i");
  const flag = (check: number) => ({ kind: "flag", check, condition: l.binary("lt", x, l.int(-check)), value: x }) as const;
  const kernel = l.kernel(["i32", "i32!"], n, [l.loop("i", l.begin, l.end, 1, [flag(1), flag(0), l.store(1, "i", x)])]);
  return laborious(
    l.program([kernel], 1, 1, [l.call(0, 0, 1)], {
      checks: [
        { message: "negative", size: 0 },
        { message: "below −1", size: 0 },
      ],
    }),
  );
}
