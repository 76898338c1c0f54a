import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as d from "../../src/index.ts";
import { gradients, type Tensor, tensor, zeros } from "../../src/index.ts";
import * as linalg from "../../src/linalg.ts";
import { devices, errorOf, expectClose, expectTensor, on } from "./values.ts";

const numbers = (shape: readonly number[], by = 7) =>
  Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => (((i + 1) * by) % 11) - 5);
const filled = (shape: readonly number[], by?: number) => tensor(numbers(shape, by), { shape });

/** Σ of products over all letters, by loops. Sizes of 1 stretch. */
function summed(inputs: readonly string[], output: string, tensors: readonly Tensor[]): number[] {
  const letters = [...new Set(inputs.join(""))];
  const sizes = new Map(
    letters.map((c) => [
      c,
      Math.max(...inputs.flatMap((text, i) => [...text].map((k, axis) => (k === c ? (tensors[i]?.shape[axis] as number) : 0)))),
    ]),
  );
  const order = [...output, ...letters.filter((c) => !output.includes(c))];
  const data = tensors.map((t) => t.dataSync());
  const result = new Array<number>([...output].reduce((n, c) => n * (sizes.get(c) as number), 1)).fill(0);
  const total = order.reduce((n, c) => n * (sizes.get(c) as number), 1);
  for (let flat = 0; flat < total; flat++) {
    const place = new Map<string, number>();
    let left = flat;
    for (const c of order.toReversed()) {
      place.set(c, left % (sizes.get(c) as number));
      left = Math.floor(left / (sizes.get(c) as number));
    }
    const product = inputs.reduce((p, text, i) => {
      const shape = tensors[i]?.shape as readonly number[];
      const at = [...text].reduce(
        (offset, c, axis) => offset * (shape[axis] as number) + (shape[axis] === 1 ? 0 : (place.get(c) as number)),
        0,
      );
      return p * (data[i]?.[at] as number);
    }, 1);
    const to = [...output].reduce((offset, c) => offset * (sizes.get(c) as number) + (place.get(c) as number), 0);
    result[to] = (result[to] as number) + product;
  }
  return result;
}

describe.each(devices)("einsum on %s", (device) => {
  it.each([
    ["ij,jk->ik", [2, 3], [3, 4]],
    ["ij,jk->ki", [2, 3], [3, 4]],
    ["bij,bjk->bik", [2, 3, 4], [2, 4, 2]],
    ["i,j->ij", [2], [3]],
    ["i,i->", [3], [3]],
    ["ij,ij->ij", [2, 3], [2, 3]],
    ["ii->i", [3, 3], null],
    ["iij,jk->ki", [2, 2, 3], [3, 2]],
    ["iii->", [2, 2, 2], null],
    ["ij->ji", [2, 3], null],
    ["ijk->", [2, 3, 2], null],
    ["ij,kl->il", [2, 3], [2, 2]],
    ["ij,jk->ik", [2, 1], [3, 4]],
    ["ij,ij->i", [2, 1], [1, 3]],
    ["aZ,Zc->cZ", [2, 3], [3, 2]],
  ] as const)("%s of %j and %j", (equation, a, b) =>
    on(device, () => {
      const [left, output] = equation.split("->") as [string, string];
      const tensors = [filled(a), ...(b === null ? [] : [filled(b, 5)])];
      expectClose([...linalg.einsum(equation, ...tensors).dataSync()], summed(left.split(","), output, tensors));
    }),
  );

  it("any equation of three operands, whatever the order of the products", () =>
    on(device, () => {
      const size = { a: 2, b: 3, c: 1, e: 4 };
      const text = fc.array(fc.constantFrom("a", "b", "c", "e"), { maxLength: 3 }).map((l) => l.join(""));
      fc.assert(
        fc.property(fc.array(text, { minLength: 1, maxLength: 3 }), fc.nat(), (inputs, pick) => {
          const letters = [...new Set(inputs.join(""))].sort();
          const output = letters
            .filter((_, i) => (pick >> i) & 1)
            .reverse()
            .join("");
          const tensors = inputs.map((t, i) =>
            filled(
              [...t].map((c) => size[c as "a"]),
              3 + 2 * i,
            ),
          );
          const result = linalg.einsum(`${inputs.join(",")}->${output}`, ...tensors);
          expect(result.shape).toEqual([...output].map((c) => size[c as "a"]));
          expectClose([...result.dataSync()], summed(inputs, output, tensors), 1e-5);
        }),
        { numRuns: 40, seed: 5 },
      );
    }));

  it("the ellipsis broadcasts; without an arrow the result is what occurs once", () =>
    on(device, () => {
      const [a, b] = [filled([2, 1, 3, 4]), filled([5, 4, 2], 5)];
      expectClose(linalg.einsum("...ij,...jk->...ik", a, b).toArraySync(), a.matmul(b).toArraySync());
      expectClose(linalg.einsum("...ij,...jk", a, b).toArraySync(), a.matmul(b).toArraySync());
      expect(linalg.einsum("ba", zeros([2, 3])).shape).toEqual([3, 2]);
      expect(linalg.einsum("i...->...i", zeros([2, 3, 4])).shape).toEqual([3, 4, 2]);
      expectTensor(linalg.einsum("ii", filled([2, 2])), (numbers([4])[0] as number) + (numbers([4])[3] as number));
      expectTensor(
        linalg.einsum(
          "...i->...",
          tensor(
            [
              [1, 2],
              [3, 4],
            ],
            { dtype: "int32" },
          ),
        ),
        [3, 7],
        "int32",
      );
    }));

  it("gradients", () =>
    on(device, () => {
      const [a, b, c] = [filled([2, 3]), filled([3, 3], 5), filled([3, 2], 3)];
      const [da, db, dc] = gradients(linalg.einsum("ij,jj,jk->", a, b, c), [a, b, c]) as [Tensor, Tensor, Tensor];
      const [va, vb, vc] = [a, b, c].map((t) => t.toArraySync()) as [number[][], number[][], number[][]];
      const rowSum = (j: number) => (vc[j] as number[]).reduce((s, x) => s + x, 0);
      const columnSum = (j: number) => va.reduce((s, r) => s + (r[j] as number), 0);
      expectTensor(
        da,
        va.map((r) => r.map((_, j) => (vb[j]?.[j] as number) * rowSum(j))),
      );
      expectTensor(
        db,
        vb.map((r, i) => r.map((_, j) => (i === j ? columnSum(j) * rowSum(j) : 0))),
      );
      expectTensor(
        dc,
        vc.map((r, j) => r.map(() => columnSum(j) * (vb[j]?.[j] as number))),
      );
    }));
});

describe.each(devices)("other products on %s", (device) => {
  it("tensordot", () =>
    on(device, () => {
      const [a, b] = [filled([2, 3, 4]), filled([4, 3, 5], 5)];
      const expected = summed(["abc", "cbe"], "ae", [a, b]);
      expectClose(
        [
          ...linalg
            .tensordot(a, b, [
              [1, 2],
              [1, 0],
            ])
            .dataSync(),
        ],
        expected,
      );
      expectClose(
        [
          ...linalg
            .tensordot(a, b, [
              [-1, -2],
              [0, 1],
            ])
            .dataSync(),
        ],
        expected,
      );
      expect(linalg.tensordot(a, filled([3, 4, 2])).shape).toEqual([2, 2]);
      expect(linalg.tensordot(a, b, 0).shape).toEqual([2, 3, 4, 4, 3, 5]);
      expectTensor(linalg.tensordot(tensor([[2]]), tensor([1, 2, 3]), [1, 0]), [12]);
    }));

  it("kron, of any ranks", () =>
    on(device, () => {
      expectTensor(
        linalg.kron(
          tensor([
            [1, 2],
            [3, 4],
          ]),
          tensor([[0, 1]]),
        ),
        [
          [0, 1, 0, 2],
          [0, 3, 0, 4],
        ],
      );
      expectTensor(linalg.kron(tensor([1, 2]), tensor([[1], [10]])), [
        [1, 2],
        [10, 20],
      ]);
      expectTensor(linalg.kron(tensor([1, 2], { dtype: "int32" }), tensor([3], { dtype: "int32" })), [3, 6], "int32");
    }));

  it("addmm and its kin; a β of 0 leaves the summand out", () =>
    on(device, () => {
      const [a, b] = [tensor([[1, 2]]), tensor([[3], [4]])];
      expectTensor(linalg.addmm(tensor([10]), a, b, { alpha: 2, beta: 0.5 }), [[27]]);
      expectTensor(linalg.addmm(tensor([[Number.NaN]]), a, b, { beta: 0 }), [[11]]);
      expectTensor(linalg.addmv(tensor(1), a, tensor([1, 1])), [4]);
      expectTensor(linalg.baddbmm(tensor([[[1]], [[2]]]), d.stack([a, a]), d.stack([b, b])), [[[12]], [[13]]]);
      expectTensor(d.mm(a, b), [[11]]);
      expectTensor(d.mv(a, tensor([5, 6])), [17]);
      expectTensor(d.bmm(d.stack([a, a]), d.stack([b, b])), [[[11]], [[11]]]);
    }));

  it("linear and bilinear", () =>
    on(device, () => {
      const [x, y, w] = [filled([2, 3]), filled([2, 4], 5), filled([5, 3, 4], 3)];
      expectClose([...linalg.bilinear(x, y, w).dataSync()], summed(["ni", "oij", "nj"], "no", [x, w, y]));
      expectTensor(
        linalg.bilinear(x, y, w, tensor([1, 2, 3, 4, 5])).sub(linalg.bilinear(x, y, w)),
        [
          [1, 2, 3, 4, 5],
          [1, 2, 3, 4, 5],
        ],
        "float32",
        1e-4,
      );
      expect(linalg.bilinear(x.at(0), y.at(0), w).shape).toEqual([5]);
      const weight = filled([4, 3], 5);
      expectClose([...d.linear(x, weight).dataSync()], summed(["ni", "oi"], "no", [x, weight]));
      expectTensor(d.linear(tensor([1, 2]), tensor([[3, 4]]), tensor([5])), [16]);
      expectTensor(d.linear(tensor([[1, 2]]), tensor([3, 4])), [11]);
      expect(() => d.linear(tensor([1, 2]), tensor([3, 4]), tensor([5]))).toThrow(/^linear: /);
    }));
});

describe("mistakes", () => {
  const x = zeros([2, 3]);
  it.each<[string, () => unknown, string, string]>([
    [
      "sizes",
      () => linalg.einsum("ij,jk->ik", x, zeros([4, 5])),
      "SHAPE",
      'einsum: axis "j" of operand 1 has another size than before; got 4 in [4,5], expected 3.',
    ],
    [
      "a strange letter",
      () => linalg.einsum("ij->ik", x),
      "OPTION",
      'einsum: "k" of the result is in no operand; got ij->ik, expected letters of the operands.',
    ],
    [
      "twice in the result",
      () => linalg.einsum("ij->ii", x),
      "OPTION",
      'einsum: "i" is twice in the result; got ij->ii, expected each letter once.',
    ],
    [
      "operands",
      () => linalg.einsum("ij,jk", x),
      "SHAPE",
      'einsum: the equation has another number of operands; got "ij,jk" for 1 tensors, expected 2 tensors.',
    ],
    [
      "axes",
      () => linalg.einsum("ijk->k", x),
      "SHAPE",
      'einsum: operand 0 has another number of axes than "ijk"; got [2,3], expected 3 axes.',
    ],
    [
      "a digit",
      () => linalg.einsum("i1->i", x),
      "OPTION",
      'einsum: "1" is no letter; got i1->i, expected letters, ",", "->" and one "..." for each operand.',
    ],
    [
      "a diagonal",
      () => linalg.einsum("ii->i", x),
      "SHAPE",
      'einsum: the axes "i" of one operand differ; got [2,3], expected equal sizes.',
    ],
    ["arrows", () => linalg.einsum("ij->i->j", x), "OPTION", 'einsum: more than one "->"; got ij->i->j, expected one.'],
    [
      "integers",
      () => linalg.einsum("ij,ij->", x.cast("int32"), x.cast("int32")),
      "DTYPE",
      'einsum: needs floating-point tensors; got int32 and int32. Cast them: cast("float32").',
    ],
    [
      "tensordot",
      () => linalg.tensordot(x, zeros([4, 5]), 1),
      "SHAPE",
      "tensordot: axis 1 of the left and axis 0 of the right differ; got [2,3] and [4,5], expected equal sizes.",
    ],
    [
      "tensordot's axes",
      () => linalg.tensordot(x, x, 3),
      "AXIS",
      "tensordot: the number of axes does not fit; got 3, expected an integer from 0 to 2.",
    ],
    [
      "tensordot's pairs",
      () => linalg.tensordot(x, x, [[0, 1], [0]]),
      "AXIS",
      "tensordot: the axes of both sides must be pairs; got [[0,1],[0]], expected two lists of one length.",
    ],
    [
      "mm",
      () => d.mm(zeros([2, 3, 4]), zeros([4, 5])),
      "SHAPE",
      "mm: operands have the wrong number of axes; got [2,3,4] and [4,5], expected 2 and 2 axes. Use matmul for other ranks.",
    ],
    [
      "bmm",
      () => d.bmm(zeros([1, 2, 3]), zeros([2, 3, 4])),
      "SHAPE",
      "bmm: the numbers of matrices differ; got [1,2,3] and [2,3,4], expected equal first axes. matmul broadcasts.",
    ],
    [
      "mv",
      () => d.mv(x, zeros([2])),
      "SHAPE",
      "mv: axis 1 of the left (3) and axis 0 of the right (2) differ; got [2,3] and [2], expected […,m,k] and […,k,n].",
    ],
    [
      "addmm",
      () => linalg.addmm(zeros([4]), x, zeros([3, 5])),
      "SHAPE",
      "addmm: shapes do not broadcast at axis 1; got [4] and [2,5], expected equal sizes, or 1, on every axis counted from the right.",
    ],
    [
      "addmm that grows",
      () => linalg.addmm(zeros([3, 2, 5]), x, zeros([3, 5])),
      "SHAPE",
      "addmm: the summand does not broadcast to the product; got [3,2,5] and [2,5], expected equal sizes, or 1, on every axis counted from the right.",
    ],
    [
      "linear",
      () => d.linear(x, zeros([4, 5])),
      "SHAPE",
      "linear: the input and the weight do not fit; got input [2,3], weight [4,5], expected input […,inputs], weight [outputs,inputs], or [inputs] without a bias.",
    ],
    ["a bias", () => d.linear(x, zeros([4, 3]), zeros([5])), "SHAPE", "linear: the bias does not fit the weight; got [5], expected [4]."],
    [
      "bilinear",
      () => linalg.bilinear(x, x, zeros([1, 3, 4])),
      "SHAPE",
      "bilinear: the inputs and the weight do not fit; got inputs [2,3] and [2,3], weight [1,3,4], expected inputs […,m] and […,n], weight [outputs,m,n].",
    ],
  ])("%s", (_, body, code, message) => {
    const error = errorOf(body);
    expect(error.message).toBe(message);
    expect(error.code).toBe(code);
  });
});
