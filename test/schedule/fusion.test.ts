// What fuses with what: the tasks of known graphs, in a form in which a change shows.

import { describe, expect, test } from "vitest";
import { gradients } from "../../src/autodiff/gradients.ts";
import {
  binary,
  broadcastTo,
  cast,
  constant,
  contract,
  gather,
  input,
  iota,
  pad,
  permute,
  reduce,
  reshape,
  slice,
  threefry,
  unary,
  where,
} from "../../src/graph/build.ts";
import type { Target } from "../../src/graph/kernel.ts";
import { type Node, topological } from "../../src/graph/node.ts";
import type { Schedule } from "../../src/graph/task.ts";
import { printSchedule } from "../../src/schedule/print.ts";
import { schedule } from "../../src/schedule/schedule.ts";
import {
  adam,
  add,
  crossEntropy,
  div,
  layerNorm,
  linear,
  logSoftmax,
  mlpStep,
  mul,
  number,
  relu,
  scale,
  softmax,
  spread,
  sub,
  tinyStep,
} from "../support/workloads.ts";

const target: Target = { name: "test", lanes: 4, registers: 16, cache: [32_768, 1_048_576] };
const f32 = (shape: readonly number[], name: string) => input(shape, "float32", name);

function cut(results: readonly Node[], donated: readonly (readonly [number, number])[] = []): Schedule {
  const parameters = topological(results).filter((n): n is Node<"input"> => n.op === "input");
  return schedule({ parameters, results }, target, donated);
}
const text = (...results: Node[]) => printSchedule(cut(results));

describe("rows", () => {
  test("softmax is one task", () => {
    expect(text(softmax(f32([128, 10], "x")))).toMatchInlineSnapshot(
      `"rows [128]×[10] reduceMax+reduceSum+sub+exp+div (x) -> t1:f32[128,10]"`,
    );
  });
  test("logSoftmax over four axes is one task", () => {
    expect(text(logSoftmax(f32([2, 3, 5, 7], "x")))).toMatchInlineSnapshot(
      `"rows [2,3,5]×[7] exp+reduceSum+reduceMax+log+sub (x) -> t1:f32[2,3,5,7]"`,
    );
  });
  test("layer norm", () => {
    expect(text(layerNorm(f32([6, 20], "x"), f32([20], "gain"), f32([20], "bias")))).toMatchInlineSnapshot(
      `"rows [6,1]×[20] mul+reduceSum+add+sqrt+sub+div (bias x gain) -> t3:f32[6,20]"`,
    );
  });
  test("the gradient of softmax, from its result", () => {
    const [x, g] = [f32([16, 30], "x"), f32([16, 30], "g")];
    const [slope] = gradients(reduce("reduceSum", mul(softmax(x), g)), [x]) as [Node];
    expect(text(slope)).toMatchInlineSnapshot(
      `"rows [16]×[30] div+mul+cast+neg+reduceSum+reduceMax+sub+eq+exp+add+where (x g) -> t2:f32[16,30]"`,
    );
  });
  test("layer norm with its gradients", () => {
    const [x, gain, bias, g] = [f32([32, 24], "x"), f32([24], "gain"), f32([24], "bias"), f32([32, 24], "g")];
    const slopes = gradients(reduce("reduceSum", mul(layerNorm(x, gain, bias), g)), [x, gain, bias]) as Node[];
    expect(text(...slopes)).toMatchInlineSnapshot(`
      "rows [32]×[24] div+mul+neg+reduceSum+sub+add+sqrt (x g gain) -> t3:f32[32,1] t4:f32[32,1] t5:f32[32,24]
      loops [24] sub+div+mul+reduceSum (g x t4 t3) -> t6:f32[24]
      loops [24] reduceSum (g) -> t7:f32[24]"
    `);
  });
  test("cross-entropy and its gradient", () => {
    const [x, y] = [f32([128, 10], "x"), input([128], "int32", "y")];
    const loss = crossEntropy(x, y);
    expect(text(loss, ...(gradients(loss, [x]) as Node[]))).toMatchInlineSnapshot(`
      "rows [128]×[10] neg+cast+div+reduceSum+reduceMax+log+exp+sub+eq+mul+where+… (x y) -> t2:f32[128] t3:f32[128,10]
      loops [] reduceSum+mul+neg (t2) -> t4:f32[]"
    `);
  });
});

describe("contractions", () => {
  test("linear, bias and relu: packing and one contraction", () => {
    expect(text(relu(linear(f32([32, 64], "x"), f32([48, 64], "W"), f32([48], "b"))))).toMatchInlineSnapshot(`
      "loops [1,6,64,8] permute+reshape (W) -> t1:f32[1,6,64,8]
      contract [1,32,48] k=64 tile 6x8 matmul+add+lt+where (b x t1) -> t4:f32[32,48]"
    `);
  });
  test("a residual joins the contraction", () => {
    const x = f32([32, 64], "x");
    expect(text(add(x, linear(x, f32([64, 64], "W"), f32([64], "b"))))).toMatchInlineSnapshot(`
      "loops [1,8,64,8] permute+reshape (W) -> t1:f32[1,8,64,8]
      contract [1,32,64] k=64 tile 6x8 matmul+add (x b t1) -> t4:f32[32,64]"
    `);
  });
  test("the sum of two contractions: the later one takes the sum", () => {
    const [x, h] = [f32([32, 64], "x"), f32([32, 16], "h")];
    const sum = add(linear(x, f32([48, 64], "W"), f32([48], "b")), linear(h, f32([48, 16], "U"), f32([48], "c")));
    expect(text(unary("tanh", sum))).toMatchInlineSnapshot(`
      "loops [1,6,64,8] permute+reshape (W) -> t1:f32[1,6,64,8]
      contract [1,32,48] k=64 tile 6x8 matmul+add (b x t1) -> t4:f32[32,48]
      loops [1,6,16,8] permute+reshape (U) -> t6:f32[1,6,16,8]
      contract [1,32,48] k=16 tile 6x8 matmul+add+tanh (t4 c h t6) -> t9:f32[32,48]"
    `);
  });
  test("work on a right operand is done while packing; on a left one it is stored", () => {
    const [x, w] = [f32([32, 64], "x"), f32([64, 48], "w")];
    const product = contract(unary("exp", x), unary("tanh", w), [[], []], [[1], [0]]);
    expect(text(product)).toMatchInlineSnapshot(`
      "loops [32,64] exp (x) -> t1:f32[32,64]
      loops [1,6,64,8] tanh (w) -> t3:f32[1,6,64,8]
      contract [1,32,48] k=64 tile 6x8 matmul (t1 t3) -> t4:f32[1,32,48]"
    `);
  });
  test("one packing serves two contractions", () => {
    const [x, y, w] = [f32([32, 64], "x"), f32([16, 64], "y"), f32([64, 48], "w")];
    const by = (a: Node) => contract(a, w, [[], []], [[1], [0]]);
    expect(text(by(x), by(y))).toMatchInlineSnapshot(`
      "loops [1,6,64,8] reshape+permute (w) -> t1:f32[1,6,64,8]
      contract [1,32,48] k=64 tile 6x8 matmul (x t1) -> t3:f32[1,32,48]
      contract [1,16,48] k=64 tile 6x8 matmul (y t1) -> t5:f32[1,16,48]"
    `);
  });
  test("batched, from heads", () => {
    const heads = (x: Node) => permute(reshape(x, [2, 16, 4, 8]), [0, 2, 1, 3]);
    const [q, k] = [f32([2, 16, 32], "q"), f32([2, 16, 32], "k")];
    expect(
      text(
        softmax(
          scale(
            contract(
              heads(q),
              heads(k),
              [
                [0, 1],
                [0, 1],
              ],
              [[3], [3]],
            ),
            0.3,
          ),
        ),
      ),
    ).toMatchInlineSnapshot(`
      "loops [8,2,8,8] reshape+permute (k) -> t1:f32[8,2,8,8]
      contract [8,16,16] k=8 tile 6x8 matmul+mul (q t1) -> t3:f32[2,4,16,16]
      rows [2,4,16]×[16] reduceMax+reduceSum+sub+exp+div (t3) -> t4:f32[2,4,16,16]"
    `);
  });
  test("a matrix by a vector is a reduction", () => {
    const product = contract(f32([300, 400], "A"), f32([400], "v"), [[], []], [[1], [0]]);
    expect(text(add(product, f32([300], "b")))).toMatchInlineSnapshot(`"loops [1,300,1] mul+reduceSum+add (b A v) -> t3:f32[300]"`);
  });
  test("padding is stored, then read through views", () => {
    const x = pad(f32([32, 60], "x"), [0, 2], [0, 2]);
    expect(text(contract(x, f32([64, 48], "w"), [[], []], [[1], [0]]))).toMatchInlineSnapshot(`
      "loops [32,64] pad (x) -> t1:f32[32,64]
      loops [1,6,64,8] reshape+permute (w) -> t3:f32[1,6,64,8]
      contract [1,32,48] k=64 tile 6x8 matmul (t1 t3) -> t4:f32[1,32,48]"
    `);
  });
});

describe("updates", () => {
  test("Adam: one task for each parameter, and one for the scalars", () => {
    const [step, rate] = [input([], "float64", "step"), input([], "float64", "rate")];
    const parts = ["a", "b"].map((name, i) =>
      adam(
        f32([40, 30 + i], name),
        f32([40, 30 + i], `g${name}`),
        f32([40, 30 + i], `m${name}`),
        f32([40, 30 + i], `v${name}`),
        step,
        rate,
      ),
    );
    expect(text(...parts.flat())).toMatchInlineSnapshot(`
      "loops [] pow+sub+cast (step) -> t1:f32[] t2:f32[]
      loops [40,30] div+cast+sqrt+add+mul+sub (a ma ga va rate t1 t2) -> t8:f32[40,30] t9:f32[40,30] t10:f32[40,30]
      loops [40,31] div+cast+sqrt+add+mul+sub (b mb gb vb rate t1 t2) -> t15:f32[40,31] t16:f32[40,31] t17:f32[40,31]"
    `);
  });
  test("clipping by the global norm", () => {
    const slopes = [f32([40, 30], "g"), f32([30], "h")];
    const norm = unary("sqrt", slopes.map((g) => reduce("reduceSum", mul(g, g))).reduce(add));
    const factor = div(number(1, norm), binary("maximum", norm, number(1, norm)));
    expect(text(...slopes.map((g) => mul(g, spread(factor, g.shape))))).toMatchInlineSnapshot(`
      "loops [] mul+reduceSum (g) -> t1:f32[]
      rows []×[30] mul+reduceSum+add+sqrt+maximum+div (h t1) -> t3:f32[] t4:f32[30]
      loops [40,30] mul (g t3) -> t5:f32[40,30]"
    `);
  });
  test("the tiny step", () => {
    const { region, donations } = tinyStep();
    const made = schedule(region, target, donations);
    expect(printSchedule(made)).toMatchInlineSnapshot(`
      "loops [1,3,3] mul+reduceSum+add+sub (y b x W) -> t4:f32[3,3] t5:f32[3,3]
      loops [] mul+reduceSum+cast+add (t4 lambda W) -> t7:f32[]
      loops [1,2,3] cast+mul+reduceSum+add+sub (W rate lambda t5 x) -> t9:f32[2,3]
      loops [3] cast+reduceSum+mul+sub (b t5 rate) -> t10:f32[3]"
    `);
    expect(made.inPlace).toEqual([
      [2, 7],
      [3, 8],
    ]);
  });
  test("the step of a multi-layer perceptron", () => {
    const { region, donations } = mlpStep(128, [784, 512, 512, 10]);
    const made = schedule(region, target, donations);
    expect(printSchedule(made)).toMatchInlineSnapshot(`
      "loops [] pow+sub+cast+add (step) -> t1:f64[] t2:f32[] t3:f32[]
      loops [1,64,784,8] permute+reshape (W1) -> t5:f32[1,64,784,8]
      contract [1,128,512] k=784 tile 6x8 matmul+add+where+lt (b1 x t5) -> t8:bool[128,512] t9:f32[128,512]
      loops [1,64,512,8] permute+reshape (W2) -> t11:f32[1,64,512,8]
      contract [1,128,512] k=512 tile 6x8 matmul+add+where+lt (b2 t9 t11) -> t13:bool[128,512] t14:f32[128,512]
      loops [1,512,12] permute+reshape+pad (W3) -> t16:f32[1,512,12]
      contract [1,128,10] k=512 tile 3x12 matmul+add (b3 t14 t16) -> t19:f32[128,10]
      rows [128]×[10] neg+cast+div+reduceSum+reduceMax+log+exp+sub+eq+mul+where+… (t19 y) -> t21:f32[128] t22:f32[128,10]
      loops [] reduceSum+mul+neg (t21) -> t23:f32[]
      loops [1,64,10,8] reshape+permute (W3) -> t24:f32[1,64,10,8]
      loops [1,64,128,8] reshape+permute (t14) -> t25:f32[1,64,128,8]
      contract [1,10,512] k=128 tile 5x8 matmul (t22 t25) -> t26:f32[1,10,512]
      loops [10,512] div+cast+sqrt+add+mul+sub (W3 mW3 vW3 t26 rate t2 t3) -> t30:f32[10,512] t31:f32[10,512] t32:f32[10,512]
      contract [1,128,512] k=10 tile 6x8 matmul+where (t13 t22 t24) -> t33:f32[128,512]
      loops [10] div+cast+sqrt+add+mul+reduceSum+sub (b3 mb3 vb3 t22 rate t2 t3) -> t36:f32[10] t37:f32[10] t38:f32[10]
      loops [1,64,512,8] reshape+permute (W2) -> t39:f32[1,64,512,8]
      contract [1,128,512] k=512 tile 6x8 matmul+where (t8 t33 t39) -> t40:f32[128,512]
      loops [1,64,128,8] reshape+permute (t9) -> t41:f32[1,64,128,8]
      contract [1,512,512] k=128 tile 6x8 matmul (t33 t41) -> t42:f32[1,512,512]
      loops [512,512] div+cast+sqrt+add+mul+sub (W2 mW2 vW2 t42 rate t2 t3) -> t45:f32[512,512] t46:f32[512,512] t47:f32[512,512]
      loops [512] div+cast+sqrt+add+mul+reduceSum+sub (b2 mb2 vb2 t33 rate t2 t3) -> t50:f32[512] t51:f32[512] t52:f32[512]
      loops [1,98,128,8] reshape+permute (x) -> t53:f32[1,98,128,8]
      contract [1,512,784] k=128 tile 6x8 matmul (t40 t53) -> t54:f32[1,512,784]
      loops [512,784] div+cast+sqrt+add+mul+sub (W1 mW1 vW1 t54 rate t2 t3) -> t57:f32[512,784] t58:f32[512,784] t59:f32[512,784]
      loops [512] div+cast+sqrt+add+mul+reduceSum+sub (b1 mb1 vb1 t40 rate t2 t3) -> t62:f32[512] t63:f32[512] t64:f32[512]"
    `);
    expect(made.inPlace.length).toBe(donations.length);
    expect(made.exchanges).toEqual([]);
  });
});

describe("elementwise work", () => {
  test("random bits are made once and stored", () => {
    const [x, w, key] = [f32([64, 64], "x"), f32([64, 64], "w"), input([], "uint32", "key")];
    const keys = spread(key, [64, 64]);
    const bits = threefry(0, keys, keys, cast(iota([64, 64], 0), "uint32"), cast(iota([64, 64], 1), "uint32"));
    const keep = binary("lt", bits, constant(2 ** 31, "uint32", [64, 64]));
    const h = contract(x, w, [[], []], [[1], [0]]);
    const dropped = where(keep, h, number(0, h));
    expect(text(dropped, where(keep, number(0, x), x))).toMatchInlineSnapshot(`
      "loops [64,64] cast+threefry+where+lt (x key) -> t2:bool[64,64] t3:f32[64,64]
      loops [1,8,64,8] reshape+permute (w) -> t5:f32[1,8,64,8]
      contract [1,64,64] k=64 tile 6x8 matmul+where (t2 x t5) -> t6:f32[64,64]"
    `);
  });
  test("cheap work on parameters is done by each of its users", () => {
    const x = input([64, 64], "uint8", "x");
    const image = scale(cast(x, "float32"), 1 / 255);
    expect(text(permute(unary("exp", image), [1, 0]), reduce("reduceSum", image, 0))).toMatchInlineSnapshot(`
      "loops [64,64] cast+mul+exp (x) -> t1:f32[64,64]
      loops [64] cast+mul+reduceSum (x) -> t2:f32[64]"
    `);
  });
  test("cheap work on several operands is stored where all of its users read it in another order", () => {
    const [x, y] = [f32([256, 512], "x"), f32([512], "y")];
    const product = mul(x, spread(y, [256, 512]));
    const part = slice(permute(product, [1, 0]), [0, 0], [512, 128]);
    expect(text(add(permute(product, [1, 0]), f32([512, 256], "z")), add(part, f32([512, 128], "w")))).toMatchInlineSnapshot(`
      "loops [256,512] mul (x y) -> t2:f32[256,512]
      loops [512,256] add (z t2) -> t4:f32[512,256]
      loops [512,128] add (w t2) -> t6:f32[512,128]"
    `);
    // On one operand it is done again: that costs a user no more than to read it.
    const doubled = mul(x, x);
    const rest = slice(permute(doubled, [1, 0]), [0, 0], [512, 128]);
    expect(text(add(permute(doubled, [1, 0]), f32([512, 256], "z")), add(rest, f32([512, 128], "w")))).toMatchInlineSnapshot(`
      "loops [512,256] mul+add (z x) -> t2:f32[512,256]
      loops [512,128] mul+add (w x) -> t4:f32[512,128]"
    `);
  });
  test("dear work that two tasks use is stored", () => {
    const x = f32([64, 32], "x");
    const e = unary("tanh", x);
    expect(text(reduce("reduceSum", e, 0), permute(e, [1, 0]))).toMatchInlineSnapshot(`
      "loops [64,32] tanh (x) -> t1:f32[64,32]
      loops [32] reduceSum (t1) -> t2:f32[32]
      loops [32,64] permute (t1) -> t3:f32[32,64]"
    `);
  });
  test("a gather joins what follows", () => {
    const [table, ids] = [f32([1000, 16], "table"), input([4, 8], "int32", "ids")];
    expect(text(add(gather(table, ids, 0), spread(f32([8, 16], "position"), [4, 8, 16])))).toMatchInlineSnapshot(
      `"loops [4,8,16] gather+add (table ids position) -> t3:f32[4,8,16]"`,
    );
  });
  test("concatenation", () => {
    const [a, b] = [f32([4, 5], "a"), f32([4, 3], "b")];
    expect(text(add(pad(unary("exp", a), [0, 0], [0, 3]), pad(unary("neg", b), [0, 5], [0, 0])))).toMatchInlineSnapshot(`
      "loops [4,5] exp (a) -> t1:f32[4,5]
      loops [4,8] neg+add (t1 b) -> t3:f32[4,8]"
    `);
  });
  test("long sums go in chunks", () => {
    const x = f32([1000, 1000], "x");
    expect(text(reduce("reduceSum", mul(x, x)))).toMatchInlineSnapshot(`
      "loops [1000] mul+reduceSum (x) -> t1:f32[1000]
      loops [] reduceSum (t1) -> t2:f32[]"
    `);
  });
  test("a long sum without a good divisor", () => {
    expect(text(reduce("reduceSum", f32([100_003], "x")))).toMatchInlineSnapshot(`
      "loops [6] reduceSum (x) -> t1:f32[6]
      loops [] reduceSum (t1) -> t2:f32[]
      loops [] reduceSum+add (t2 x) -> t3:f32[]"
    `);
  });
  test("a chain of 10,000 operations becomes tasks of bounded size", () => {
    let x: Node = f32([7], "x");
    for (let i = 0; i < 10_000; i++) x = unary(i % 2 === 0 ? "sin" : "neg", x);
    const { tasks } = cut([x]);
    expect(tasks.length).toBeGreaterThan(40);
    expect(tasks.length).toBeLessThan(80);
  });
  test("moved views: slices of one computed value", () => {
    const x = f32([8, 12], "x");
    const e = unary("exp", x);
    expect(text(mul(slice(e, [0, 0], [8, 6]), slice(e, [0, 6], [8, 6])))).toMatchInlineSnapshot(`"loops [8,6] exp+mul (x) -> t1:f32[8,6]"`);
  });
  test("broadcast statistics over other axes than the last", () => {
    const x = f32([20, 6], "x");
    const mean = scale(reduce("reduceSum", x, 0), 1 / 20);
    const centred = sub(x, broadcastTo(mean, x.shape));
    const variance = scale(reduce("reduceSum", mul(centred, centred), 0), 1 / 20);
    expect(text(div(centred, broadcastTo(unary("sqrt", variance), x.shape)))).toMatchInlineSnapshot(`
      "loops [6] reduceSum+mul (x) -> t1:f32[6]
      loops [6] sub+mul+reduceSum+sqrt (x t1) -> t2:f32[6]
      loops [20,6] sub+div (x t2 t1) -> t3:f32[20,6]"
    `);
  });
});
