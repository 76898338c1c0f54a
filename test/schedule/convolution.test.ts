// Convolutions as tasks: the input and the gradients are read where they lie, and no matrix of columns is ever stored.

import { describe, expect, test } from "vitest";
import { gradients } from "../../src/autodiff/gradients.ts";
import { binary, contract, input, pad, permute, reduce, window } from "../../src/graph/build.ts";
import type { Target } from "../../src/graph/kernel.ts";
import type { Node } from "../../src/graph/node.ts";
import type { ContractTask, Schedule, Task } from "../../src/graph/task.ts";
import { schedule } from "../../src/schedule/schedule.ts";

const target: Target = { name: "test", lanes: 4, registers: 16, cache: [32768, 1 << 20] };

/** x [batch, c, n, n] with w [o, c, k, k]: [batch, o, …]. */
function convolution(x: Node, w: Node, stride = 1, padding = 0): Node {
  const padded = pad(x, [0, 0, padding, padding], [0, 0, padding, padding]);
  const [kh, kw] = w.shape.slice(2) as [number, number];
  const blocks = window(padded, [2, 3], [kh, kw], [stride, stride], [1, 1]);
  return permute(
    contract(
      w,
      blocks,
      [[], []],
      [
        [1, 2, 3],
        [1, 4, 5],
      ],
    ),
    [1, 0, 2, 3],
  );
}

const [x, w] = [input([8, 16, 16, 16], "float32", "x"), input([32, 16, 3, 3], "float32", "w")];

function tasksOf(result: Node): { schedule: Schedule; contractions: ContractTask[]; largest: number } {
  const made = schedule({ parameters: [x, w], results: [result] }, target);
  const contractions = made.tasks.filter((t: Task): t is ContractTask => t.kind === "contract");
  const largest = Math.max(...made.tasks.flatMap((t) => t.outputs.map((o) => o.size)));
  return { schedule: made, contractions, largest };
}

const gradientOf = (y: Node, of: Node): Node => gradients(reduce("reduceSum", y), [of])[0] as Node;
const columns = 8 * 16 * 9 * 14 * 14;

describe("convolution", () => {
  test("forward: both operands in place, sample by sample, one task", () => {
    const { contractions, schedule } = tasksOf(convolution(x, w));
    expect(schedule.tasks.length).toBe(1);
    expect(contractions[0]?.packed).toBe(null);
    expect(contractions[0]?.hero.shape).toEqual([8, 32, 196]);
  });

  test("padding is stored once, and read in place", () => {
    const { contractions, schedule } = tasksOf(convolution(x, w, 1, 1));
    expect(schedule.tasks.map((t) => t.kind)).toEqual(["loops", "contract"]);
    expect(contractions[0]?.packed).toBe(null);
  });

  test("a stride turns it round: the window is the left operand, the weights are packed once", () => {
    const { contractions, largest } = tasksOf(convolution(x, w, 2, 1));
    expect(contractions.map((t) => t.hero.shape)).toEqual([[1, 8 * 64, 32]]);
    expect(contractions[0]?.packed?.size).toBe(16 * 9 * 32);
    expect(largest).toBeLessThan(columns / 4);
  });

  test("the input's gradient is a convolution of the padded cotangent with weights turned round", () => {
    const y = convolution(x, w);
    const g = gradientOf(square(y), x);
    const { contractions, largest } = tasksOf(g);
    // Forward again for the square's derivative, then the gradient.
    expect(contractions.map((t) => t.packed)).toEqual([null, null]);
    expect(contractions[1]?.hero.shape).toEqual([8, 16, 256]);
    expect(largest).toBeLessThan(columns / 2);
  });

  test("the weight's gradient reads the window as rows and packs the cotangent", () => {
    const { contractions, largest } = tasksOf(gradientOf(square(convolution(x, w)), w));
    expect(contractions.map((t) => t.packed !== null)).toEqual([false, true]);
    const hero = contractions[1]?.hero as Node;
    expect(hero.shape.slice(1)).toEqual([16 * 9, 32]);
    expect(largest).toBeLessThan(columns / 2);
  });
});

/** Its square, so that the cotangent is no constant. */
function square(y: Node): Node {
  return binary("mul", y, y);
}
