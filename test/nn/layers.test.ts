// Layers beyond the first ones: what PyTorch's answers (pytorch.test.ts) do not say.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { compile, crossEntropy, gradients, normal, ones, relu, seed, setDevice, sgd, type Tensor, tensor, zeros } from "../../src/index.ts";
import { assignWeights, decodeSafetensors, weightsOf } from "../../src/io/index.ts";
import {
  AlphaDropout,
  BatchNorm1d,
  BatchNorm2d,
  DropPath,
  Embedding,
  GRU,
  LayerNorm,
  Linear,
  LSTM,
  Module,
  MultiHeadAttention,
  Parallel,
  Residual,
  RMSNorm,
  RNN,
  Sequential,
  SinusoidalPositions,
  SpatialDropout,
  sinusoidalPositions,
  TransformerEncoderLayer,
} from "../../src/nn/index.ts";

beforeAll(() => setDevice("reference"));
afterAll(() => setDevice("auto"));
beforeEach(() => seed(0));

const int = (values: number[], shape = [values.length]) => tensor(Int32Array.from(values), { shape });

describe("batch normalisation", () => {
  test("moves its statistics in training alone, once a step, also inside a compiled step", () => {
    const model = new Sequential(new Linear(2, 3), new BatchNorm1d(3));
    const norm = model.layers[1] as BatchNorm1d;
    const optimizer = sgd({ learningRate: 0.1 });
    const step = compile((x: Tensor) => {
      const loss = model
        .forward(x)
        .square()
        .mul(tensor([1, 2, 3]))
        .mean();
      optimizer.minimize(loss);
      return loss;
    });
    const x = normal([8, 2]);
    const first = (model.layers[0] as Linear).forward(x).mean(0).dataSync();
    step(x);
    expect(norm.batches?.itemSync()).toBe(1);
    norm.runningMean?.dataSync().forEach((v, i) => {
      expect(v).toBeCloseTo(0.1 * (first[i] as number), 6);
    });
    step(x);
    expect(norm.batches?.itemSync()).toBe(2);
    const kept = norm.runningMean?.dataSync();
    const y = model.eval().forward(x);
    expect(norm.runningMean?.dataSync()).toEqual(kept);
    expect(model.forward(x.slice([0, 1])).toArraySync()).toEqual(y.slice([0, 1]).toArraySync());
  });

  test("without momentum the statistics are the mean of all batches", () => {
    const norm = new BatchNorm1d(1, { momentum: null });
    norm.forward(tensor([[0], [2]]));
    norm.forward(tensor([[4], [6]]));
    norm.forward(tensor([[2], [2]]));
    expect(norm.runningMean?.itemSync()).toBeCloseTo(8 / 3, 6);
    expect(norm.runningVariance?.itemSync()).toBeCloseTo(4 / 3, 6);
  });

  test("running statistics are neither parameters nor penalised, and options leave parts out", () => {
    expect([...new BatchNorm2d(4).namedParameters().keys()]).toEqual(["weight", "bias"]);
    expect([...new BatchNorm2d(4).variables().keys()]).toEqual(["weight", "bias", "runningMean", "runningVariance", "batches"]);
    expect(new BatchNorm2d(4).weight?.penalized).toBe(false);
    const bare = new BatchNorm1d(2, { affine: false, running: false });
    expect([...bare.variables().keys()]).toEqual([]);
    expect(
      bare
        .eval()
        .forward(
          tensor([
            [1, 5],
            [3, 9],
          ]),
        )
        .slice([0, 1])
        .toArraySync(),
    ).toEqual(
      bare
        .train()
        .forward(
          tensor([
            [1, 5],
            [3, 9],
          ]),
        )
        .slice([0, 1])
        .toArraySync(),
    );
  });

  test("says which shape it takes", () => {
    expect(() => new BatchNorm2d(4).forward(zeros([2, 3, 5, 5]))).toThrow(
      "BatchNorm2d(4): the input has the wrong shape; got [2,3,5,5], expected [batch, 4, height, width].",
    );
    expect(() => new BatchNorm1d(4).forward(zeros([2, 4, 5, 5]))).toThrow("expected [batch, 4] or [batch, 4, length]");
  });
});

describe("embedding", () => {
  test("padding starts at 0 and stays there", () => {
    const table = new Embedding(4, 3, { paddingIndex: 1 });
    expect(table.weight.toArraySync()).toHaveProperty("1", [0, 0, 0]);
    const g = gradients(table.forward(int([1, 2, 2])).sum(), [table.weight])[0] as Tensor;
    expect(g.toArraySync()).toEqual([
      [0, 0, 0],
      [0, 0, 0],
      [2, 2, 2],
      [0, 0, 0],
    ]);
  });

  test("a tied head is one parameter, named once, with both gradients", () => {
    class Tied extends Module {
      tokens = new Embedding(5, 3);
      head = new Linear(3, 5, { weight: this.tokens.weight, bias: false });
      forward(x: Tensor<"int32">) {
        return this.head.forward(this.tokens.forward(x));
      }
    }
    const model = new Tied();
    expect([...model.namedParameters().keys()]).toEqual(["tokens.weight"]);
    const loss = crossEntropy(model.forward(int([1, 2])), int([2, 3]));
    const g = gradients(loss, [model.tokens.weight])[0] as Tensor;
    // Row 4 is only an output, row 1 an input too.
    expect((g.toArraySync() as number[][])[4]?.some((v) => v !== 0)).toBe(true);
    expect([...model.stateDict().keys()]).toEqual(["tokens.weight", "head.weight"]);
    expect(() => new Linear(3, 4, { weight: model.tokens.weight })).toThrow("the shared weight does not fit; got [5,3], expected [4,3]");
  });

  test("weights of a tied model load with both names, or with one of them", async () => {
    class Tied extends Module {
      tokens = new Embedding(5, 3);
      norm = new BatchNorm1d(3);
      head = new Linear(3, 5, { weight: this.tokens.weight, bias: false });
      forward(x: Tensor<"int32">) {
        return this.head.forward(this.norm.forward(this.tokens.forward(x)));
      }
    }
    const { tensors } = decodeSafetensors(await weightsOf(new Tied(), {}, { names: "pytorch" }));
    expect([...tensors.keys()]).toContain("norm.running_mean");
    expect(tensors.has("head.weight")).toBe(false);
    const [tokens, rest] = [tensors.get("tokens.weight"), [...tensors].filter(([name]) => name !== "tokens.weight")];
    for (const names of [["tokens.weight"], ["head.weight"], ["tokens.weight", "head.weight"]]) {
      const other = new Tied().initialize(9);
      assignWeights("file", other, new Map([...rest, ...names.map((name) => [name, tokens] as never)]));
      expect([...other.tokens.weight.dataSync()]).toEqual([...(tokens?.data ?? [])]);
    }
    expect(() => assignWeights("file", new Tied(), new Map(rest))).toThrow("the file lacks tokens.weight");
  });

  test("refuses what is no index", () => {
    expect(() => new Embedding(4, 3).forward(zeros([2]) as never)).toThrow(
      "Embedding(4, 3): indices must be integers; got float32[2], expected int32 or uint8",
    );
    expect(() => new Embedding(4, 3).forward(int([4])).dataSync()).toThrow("got 4, expected 0 to 3");
    expect(() => new Embedding(4, 3, { paddingIndex: 4 })).toThrow("paddingIndex is out of range");
  });
});

describe("recurrent layers", () => {
  test.each([
    ["RNN", () => new RNN(3, 4, { activation: "relu" })],
    ["GRU", () => new GRU(3, 4)],
    ["LSTM", () => new LSTM(3, 4, { bias: false })],
  ])("%s: going on from a state is one long run", (_, make) => {
    const layer = make();
    const x = normal([2, 6, 3]);
    const whole = layer.forward(x).slice(null, [4, 6]);
    const [head, tail] = [x.slice(null, [0, 4]), x.slice(null, [4, 6])];
    const first = layer.run(head as Tensor);
    const state = layer instanceof LSTM ? first : first.hidden;
    const rest = (layer as LSTM).run(tail as Tensor, state as never).outputs;
    whole.dataSync().forEach((v, i) => {
      expect(rest.dataSync()[i]).toBeCloseTo(v, 6);
    });
  });

  test.each([
    ["RNN", () => new RNN(3, 4, { bidirectional: true })],
    ["GRU", () => new GRU(3, 4, { bidirectional: true, layers: 2 })],
    ["LSTM", () => new LSTM(3, 4, { bidirectional: true, layers: 2 })],
  ])("%s: a masked sequence is the shorter one alone, and its padding has no gradient", (_, make) => {
    const layer = make();
    const x = normal([2, 5, 3]);
    const mask = tensor([
      [true, true, true, true, true],
      [true, true, true, false, false],
    ]) as Tensor<"bool">;
    const { outputs, hidden } = layer.run(x, undefined, { mask });
    const short = layer.run(x.slice([1, 2], [0, 3]) as Tensor);
    const close = (actual: Tensor, expected: Tensor) => {
      const values = expected.dataSync();
      actual.dataSync().forEach((v, i) => {
        expect(v).toBeCloseTo(values[i] as number, 6);
      });
    };
    close(outputs.slice([1, 2], [0, 3]) as Tensor, short.outputs);
    close(hidden.slice(null, [1, 2]) as Tensor, short.hidden);
    close(outputs.slice([0, 1]) as Tensor, layer.forward(x.slice([0, 1]) as Tensor));
    expect(new Set(outputs.slice([1, 2], [3, 5]).dataSync())).toEqual(new Set([0]));
    const [slope] = gradients(outputs.square().sum().add(hidden.sum()) as Tensor, [x]) as [Tensor];
    expect(new Set(slope.slice([1, 2], [3, 5]).abs().dataSync())).toEqual(new Set([0]));
    expect(slope.slice([1, 2], [2, 3]).abs().min().itemSync()).toBeGreaterThan(0);
    expect(() => layer.forward(x, { mask: mask.transpose() as Tensor<"bool"> })).toThrow(
      /mask does not fit.*got bool\[5,2\], expected bool\[2,5\]/,
    );
  });

  test("dropout works between layers, in training alone", () => {
    const layer = new GRU(2, 8, { layers: 2, dropout: 0.5 });
    const x = ones([1, 3, 2]);
    expect(layer.forward(x).dataSync()).not.toEqual(layer.forward(x).dataSync());
    layer.eval();
    expect(layer.forward(x).dataSync()).toEqual(layer.forward(x).dataSync());
  });

  test("wrong inputs, states and options are named", () => {
    expect(() => new LSTM(3, 4).forward(zeros([2, 3]))).toThrow(
      "LSTM(3, 4): the input has the wrong shape; got [2,3], expected [batch, steps, 3].",
    );
    expect(() => new LSTM(3, 4).run(zeros([2, 5, 3]), { cell: zeros([1, 3, 4]) })).toThrow(
      "the cell state has the wrong shape; got [1,3,4], expected [1,2,4]",
    );
    expect(() => new GRU(3, 4, { numLayers: 2 } as never)).toThrow('there is no option "numLayers"');
  });
});

describe("attention layers", () => {
  test("padding of keys is not seen", () => {
    const layer = new MultiHeadAttention(4, 2);
    const x = normal([1, 4, 4]);
    const keyMask = tensor([[true, true, false, false]]) as Tensor<"bool">;
    const masked = layer.forward(x, { keyMask });
    const short = layer.forward(x.slice(null, [0, 2]) as Tensor);
    masked
      .slice(null, [0, 2])
      .dataSync()
      .forEach((v, i) => {
        expect(short.dataSync()[i]).toBeCloseTo(v, 5);
      });
  });

  test("rotary attention does not know where the sequence begins", () => {
    const plain = new MultiHeadAttention(8, 2, { rotary: true });
    const moved = new MultiHeadAttention(8, 2, { rotary: { positions: 7 } });
    for (const [name, p] of moved.namedParameters()) p.assign(plain.namedParameters().get(name) as Tensor);
    const x = normal([1, 5, 8]);
    const expected = plain.forward(x, { causal: true }).dataSync();
    moved
      .forward(x, { causal: true })
      .dataSync()
      .forEach((v, i) => {
        expect(v).toBeCloseTo(expected[i] as number, 4);
      });
  });

  test("sinusoidal positions", () => {
    const table = sinusoidalPositions(3, 4).toArraySync() as number[][];
    expect(table[2]?.[0]).toBeCloseTo(Math.sin(2), 6);
    expect(table[2]?.[3]).toBeCloseTo(Math.cos(0.02), 6);
    expect(new SinusoidalPositions(4).forward(zeros([2, 3, 4])).toArraySync()).toEqual([table, table]);
    expect(() => new SinusoidalPositions(3)).toThrow("the width must be even");
  });

  test("heads must divide the width, options must exist", () => {
    expect(() => new MultiHeadAttention(8, 3)).toThrow("the heads do not divide the width; got 3, expected a divisor of 8");
    expect(() => new TransformerEncoderLayer(8, 2, { activation: "tanh" as never })).toThrow("unknown activation; got tanh");
    expect(() => new MultiHeadAttention(8, 2).forward(zeros([2, 3, 7]))).toThrow(
      "the query has the wrong shape; got [2,3,7], expected [batch, places, 8]",
    );
  });
});

describe("dropout's kin", () => {
  test("whole channels, whole samples", () => {
    const x = ones([50, 20, 3]);
    const channels = new SpatialDropout(0.25).forward(x).toArraySync() as number[][][];
    const flat = channels.flat();
    expect(flat.every((row) => new Set(row).size === 1)).toBe(true);
    expect(Math.abs(flat.filter((row) => row[0] === 0).length - 250)).toBeLessThan(70);
    const samples = new DropPath(0.4).forward(x).toArraySync() as number[][][];
    expect(samples.every((s) => new Set(s.flat()).size === 1)).toBe(true);
    expect(new Set(samples.map((s) => s[0]?.[0]?.toFixed(4)))).toEqual(new Set(["0.0000", (1 / 0.6).toFixed(4)]));
    expect(new DropPath(0.4).eval().forward(x)).toBe(x);
  });

  test("alpha dropout keeps mean 0 and variance 1", () => {
    const y = new AlphaDropout(0.3).forward(normal([20000], { seed: 1 }));
    expect(Math.abs(y.mean().itemSync())).toBeLessThan(0.03);
    expect(Math.abs(y.variance().itemSync() - 1)).toBeLessThan(0.04);
  });
});

describe("containers", () => {
  test("a residual adds, around a shortcut if there is one", () => {
    expect(new Residual((x: Tensor) => x.mul(2)).forward(tensor([1, 2])).toArraySync()).toEqual([3, 6]);
    expect(
      new Residual(
        (x: Tensor) => x.sum(),
        (x: Tensor) => x.max(),
      )
        .forward(tensor([1, 2]))
        .itemSync(),
    ).toBe(5);
  });

  test("parallel branches join or add, and list their parameters", () => {
    const both = new Parallel([(x: Tensor) => x.mul(2), (x: Tensor) => x.add(1)]);
    expect(both.forward(tensor([[1, 2]])).toArraySync()).toEqual([[2, 4, 2, 3]]);
    expect(new Parallel(both.layers, { join: "sum" }).forward(tensor([[1, 2]])).toArraySync()).toEqual([[4, 7]]);
    expect([...new Parallel([new Linear(1, 1), relu]).namedParameters().keys()]).toEqual(["layers.0.weight", "layers.0.bias"]);
    expect(() => new Parallel([])).toThrow("needs layers");
  });
});

describe("summary", () => {
  test("lists modules with shapes, parameters and multiply-adds, and leaves the model as it was", () => {
    class Net extends Module {
      embed = new Embedding(10, 4);
      body = new Sequential(new Linear(4, 8), relu, new Residual(new Sequential(new Linear(8, 8), new RMSNorm(8))));
      norm = new BatchNorm1d(3);
      forward(x: Tensor<"int32">) {
        return this.norm.forward(this.body.forward(this.embed.forward(x)));
      }
    }
    const model = new Net();
    (model.body.layers[0] as Module).eval();
    expect(model.summary([2, 3], { dtype: "int32" }).split("\n")).toEqual([
      "layer                      output   parameters  multiply-adds",
      "Net                        [2,3,8]         166            576",
      "  embed: Embedding         [2,3,4]          40",
      "  body: Sequential         [2,3,8]         120            576",
      "    layers.0: Linear       [2,3,8]          40            192",
      "    layers.2: Residual     [2,3,8]          80            384",
      "      layer: Sequential    [2,3,8]          80            384",
      "        layers.0: Linear   [2,3,8]          72            384",
      "        layers.1: RMSNorm  [2,3,8]           8",
      "  norm: BatchNorm1d        [2,3,8]           6",
      "input [2,3], 166 parameters (0.00 MiB), 576 multiply-adds",
    ]);
    expect(model.norm.batches?.itemSync()).toBe(0);
    expect([model.training, (model.body.layers[0] as Module).training, model.norm.training]).toEqual([true, false, true]);
    expect(Object.hasOwn(model, "forward")).toBe(false);
  });

  test("a loop counts its steps; a failing forward leaves the model whole", () => {
    const layer = new LSTM(2, 3);
    expect(layer.summary([1, 5, 2])).toContain(`${5 * (2 * 12 + 3 * 12)} multiply-adds`);
    expect(() => layer.summary([1, 5, 4])).toThrow("LSTM(2, 3): the input has the wrong shape");
    expect(Object.hasOwn(layer, "forward")).toBe(false);
    expect(new LayerNorm(4).summary([2, 4]).split("\n")).toHaveLength(3);
  });
});
