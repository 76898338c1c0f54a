// Whole networks against PyTorch: given the same weights and batch, the same loss and the same gradient in every parameter.
// The numbers were written by test/data/networks/export.py, which runs PyTorch in float64 on weights made by a formula.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { Gpt } from "../../examples/models/gpt.ts";
import { LeNet } from "../../examples/models/lenet.ts";
import { ResNet8 } from "../../examples/models/resnet.ts";
import { compile, crossEntropy, type DeviceName, gradients, type Module, setDevice, type Tensor, tensor } from "../../src/index.ts";
import { decodeSafetensors } from "../../src/io/index.ts";
import { native } from "../support/native.ts";

/** As in export.py: numbers in [-1, 1), the upper 24 bits of Murmur3's finaliser. */
function numbers(count: number, seed: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => {
    let x = (Math.imul(i + 1, 0x9e3779b9) + seed) >>> 0;
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b) >>> 0;
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35) >>> 0;
    x = (x ^ (x >>> 16)) >>> 0;
    return (x >>> 8) / 2 ** 23 - 1;
  });
}

/** As in export.py: weights by √(3 / fan-in), other parameters by 0.1, the scales of norms around 1. */
function fill(model: Module): void {
  let p = 0;
  for (const [name, parameter] of model.namedParameters()) {
    const values = numbers(parameter.size, p++);
    const fanIn = parameter.size / (parameter.shape[0] as number);
    const scale = Math.fround(parameter.rank > 1 ? Math.sqrt(3 / fanIn) : 0.1);
    const shift = parameter.rank === 1 && name.endsWith("weight") ? 1 : 0;
    parameter.assign(
      tensor(
        values.map((v) => Math.fround(v * scale) + shift),
        { shape: parameter.shape },
      ),
    );
  }
}

function images(...shape: number[]): Tensor {
  return tensor(
    numbers(
      shape.reduce((a, b) => a * b),
      1000,
    ),
    { shape },
  );
}

const digits = tensor(
  Int32Array.from({ length: 8 }, (_, i) => i % 10),
  { dtype: "int32" },
);
const text = tensor(
  Int32Array.from(numbers(4 * 65, 1000), (v) => Math.floor(((v + 1) / 2) * 65)),
  { shape: [4, 65], dtype: "int32" },
);

const networks = {
  lenet: () => ({ model: new LeNet(), x: images(8, 1, 28, 28), y: digits }),
  resnet: () => ({ model: new ResNet8(), x: images(8, 3, 32, 32), y: digits }),
  gpt: () => ({ model: new Gpt(), x: text.slice(null, [0, 64]), y: text.slice(null, [1, 65]).reshape([256]) }),
};

function norm(values: Iterable<number>): number {
  let sum = 0;
  for (const v of values) sum += v * v;
  return Math.sqrt(sum);
}

const cases: [keyof typeof networks, DeviceName][] = [
  ["lenet", "wasm"],
  ["resnet", "wasm"],
  ["gpt", "wasm"],
];
// One network is enough to see that the native device agrees: gcc takes seconds for each.
if (native) cases.push(["lenet", "native"]);

describe("whole networks against PyTorch", () => {
  afterAll(() => setDevice("auto"));

  it.each(cases)("%s on %s", async (name, device) => {
    setDevice(device);
    const file = readFileSync(fileURLToPath(new URL(`../data/networks/${name}.safetensors`, import.meta.url)));
    const { tensors, metadata } = decodeSafetensors(new Uint8Array(file), name);
    const { model, x, y } = networks[name]();
    fill(model);
    const parameters = [...model.namedParameters()];
    const step = compile(() => {
      const logits = model.forward(x as never);
      const loss = crossEntropy(logits.reshape([y.size, -1]), y);
      return [
        loss,
        ...gradients(
          loss,
          parameters.map(([, variable]) => variable),
        ),
      ];
    });
    const [loss, ...found] = step() as Tensor[];
    expect(Math.abs((await (loss as Tensor).item()) - Number(metadata?.loss))).toBeLessThan(1e-5);
    expect(parameters.map(([n]) => n).sort()).toEqual([...tensors.keys()].sort());
    for (const [i, [path]] of parameters.entries()) {
      const expected = tensors.get(path)?.data as Float32Array;
      const got = await (found[i] as Tensor).data();
      expect(got.length, path).toBe(expected.length);
      const distance = norm(got.map((v, j) => v - (expected[j] as number)));
      expect(distance, path).toBeLessThan(Math.max(1e-4 * norm(expected), 1e-6));
    }
  });
});
