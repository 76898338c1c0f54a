// Layers against PyTorch: its state dicts load by their own names, and outputs, gradients and running statistics are the same.

import { readFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { type AnyTensor, arange, gradients, linspace, setDevice, type Tensor, tensor } from "../../src/index.ts";
import { assignWeights, decodeSafetensors, type RawTensor, weightsOf } from "../../src/io/index.ts";
import {
  BatchNorm1d,
  Conv1d,
  GRU,
  GroupNorm,
  InstanceNorm,
  LayerNorm,
  LSTM,
  type Module,
  MultiHeadAttention,
  RNN,
  Sequential,
  TransformerDecoder,
  TransformerDecoderLayer,
  TransformerEncoder,
  TransformerEncoderLayer,
} from "../../src/nn/index.ts";

afterAll(() => setDevice("auto"));

const { tensors } = decodeSafetensors(readFileSync(new URL("pytorch/layers.safetensors", import.meta.url)));
const of = (prefix: string) =>
  new Map([...tensors].filter(([name]) => name.startsWith(prefix)).map(([name, t]) => [name.slice(prefix.length), t] as const));
const asTensor = ({ data, shape, dtype }: RawTensor): AnyTensor => tensor(data, { shape, dtype });

function expectSame(what: string, actual: AnyTensor, expected: RawTensor): void {
  expect(actual.shape, what).toEqual(expected.shape);
  const values = actual.dataSync();
  let worst = 0;
  expected.data.forEach((e, i) => {
    worst = Math.max(worst, Math.abs((values[i] as number) - e) / (1 + Math.abs(e)));
  });
  expect(worst, what).toBeLessThan(2e-5);
}

const causal = { causal: true };
const encoderOptions = { hidden: 12, dropout: 0 };
const recurrentOptions = { layers: 2, bidirectional: true };

interface Row {
  readonly make: () => Module;
  readonly call: (net: never, inputs: Tensor[]) => readonly Tensor[];
}

const rows: Record<string, Row> = {
  RNN: {
    make: () => new RNN(3, 4, recurrentOptions),
    call: (net: RNN, [x, h]) => {
      const { outputs, hidden } = net.run(x as Tensor, h);
      return [outputs, hidden];
    },
  },
  GRU: {
    make: () => new GRU(3, 4, recurrentOptions),
    call: (net: GRU, [x, h]) => {
      const { outputs, hidden } = net.run(x as Tensor, h);
      return [outputs, hidden];
    },
  },
  LSTM: {
    make: () => new LSTM(3, 4, recurrentOptions),
    call: (net: LSTM, [x, h, c]) => {
      const { outputs, hidden, cell } = net.run(x as Tensor, { hidden: h as Tensor, cell: c as Tensor });
      return [outputs, hidden, cell];
    },
  },
  MultiheadAttention: {
    make: () => new MultiHeadAttention(8, 2),
    call: (net: MultiHeadAttention, [x]) => [net.forward(x as Tensor, causal)],
  },
  CrossAttention: {
    make: () => new MultiHeadAttention(8, 2, { keySize: 6, valueSize: 4 }),
    call: (net: MultiHeadAttention, [q, key, value]) => [net.forward(q as Tensor, { key: key as Tensor, value: value as Tensor })],
  },
  TransformerEncoder: {
    make: () =>
      new TransformerEncoder(
        [0, 1].map(() => new TransformerEncoderLayer(8, 2, encoderOptions)),
        new LayerNorm(8),
      ),
    call: (net: TransformerEncoder, [x]) => [net.forward(x as Tensor, causal)],
  },
  NormFirst: {
    make: () => new TransformerEncoderLayer(8, 2, { ...encoderOptions, activation: "gelu", normFirst: true }),
    call: (net: TransformerEncoderLayer, [x]) => [net.forward(x as Tensor)],
  },
  TransformerDecoder: {
    make: () => new TransformerDecoder([0, 1].map(() => new TransformerDecoderLayer(8, 2, encoderOptions))),
    call: (net: TransformerDecoder, [x, memory]) => [net.forward(x as Tensor, memory, causal)],
  },
  BatchNorm: {
    make: () => new Sequential(new Conv1d(3, 4, 1), new BatchNorm1d(4)),
    call: (net: Sequential, [x]) => [net.forward(x as Tensor)],
  },
  GroupNorm: { make: () => new GroupNorm(2, 4), call: (net: GroupNorm, [x]) => [net.forward(x as Tensor)] },
  LayerNorm: { make: () => new LayerNorm([4, 2]), call: (net: LayerNorm, [x]) => [net.forward(x as Tensor)] },
  InstanceNorm: {
    make: () => new InstanceNorm(4, { affine: true, running: true }),
    call: (net: InstanceNorm, [x]) => [net.forward(x as Tensor)],
  },
};

test("every exported layer is tested", () => {
  expect([...new Set([...tensors.keys()].map((name) => name.split("/")[0]))].sort()).toEqual(Object.keys(rows).sort());
});

describe.each(["reference", "wasm"] as const)("on %s", (device) => {
  test.each(Object.entries(rows))("%s", (name, { make, call }) => {
    setDevice(device);
    const net = make();
    assignWeights(name, net, of(`${name}/state/`));
    const inputs = [0, 1, 2].flatMap((i) => {
      const found = tensors.get(`${name}/in${i}`);
      return found === undefined ? [] : [asTensor(found) as Tensor];
    });
    const outputs = call(net as never, inputs);
    outputs.forEach((y, i) => {
      expectSame(`output ${i}`, y, tensors.get(`${name}/out${i}`) as RawTensor);
    });
    const [y] = outputs as [Tensor];
    const loss = y.mul(linspace(0.5, 1.5, y.size).reshape(y.shape)).sum();
    const state = net.stateDict();
    const wanted = [...of(`${name}/grad/`)];
    const found = gradients(
      loss,
      wanted.map(([key]) => state.get(key) as AnyTensor as Tensor),
    );
    wanted.forEach(([key, g], i) => {
      expectSame(`gradient of ${key}`, found[i] as Tensor, g);
    });
    for (const [key, after] of of(`${name}/after/`)) expectSame(`${key} afterwards`, state.get(key) as AnyTensor, after);
  });
});

test("weights go out under PyTorch's names and come back", async () => {
  const net = new LSTM(3, 4, recurrentOptions);
  const { tensors: written } = decodeSafetensors(await weightsOf(net, {}, { names: "pytorch" }));
  expect([...written.keys()].sort()).toEqual([...of("LSTM/state/").keys()].sort());
  const other = new LSTM(3, 4, recurrentOptions).initialize(5);
  assignWeights("file", other, written);
  const x = arange(15).reshape([1, 5, 3]).cast("float32");
  expect(other.forward(x).dataSync()).toEqual(net.forward(x).dataSync());
});
