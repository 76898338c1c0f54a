import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { compile, relu, seed, setDevice, stats, type Tensor, tensor, variable, zeros } from "../../src/index.ts";
import {
  Dropout,
  Flatten,
  glorotNormal,
  glorotUniform,
  heNormal,
  heUniform,
  type Initializer,
  Linear,
  lecunNormal,
  lecunUniform,
  Module,
  normalInitializer,
  onesInitializer,
  parameter,
  Sequential,
  uniformInitializer,
} from "../../src/nn/index.ts";

beforeAll(() => setDevice("reference"));
afterAll(() => setDevice("auto"));
beforeEach(() => seed(0));

const weights = (m: Module) => [...m.namedParameters()].map(([name, p]) => [name, [...p.dataSync()]] as const);

class Block extends Module {
  inner = new Linear(3, 3);
  scale = parameter([3], onesInitializer);
  forward(x: Tensor) {
    return relu(this.inner.forward(x)).mul(this.scale);
  }
}

class Net extends Module {
  blocks = [new Block(), new Block()];
  heads = { left: new Linear(3, 1), right: new Linear(3, 2, { bias: false }) };
  steps = variable(zeros([]), { name: "steps", trainable: false });
  unused = null;
  label = "net";
  forward(x: Tensor) {
    return this.heads.left.forward(this.blocks.reduce((h, b) => b.forward(h), x));
  }
}

describe("what a module is made of", () => {
  test("names are paths of fields, through arrays and objects, in order", () => {
    const net = new Net();
    expect([...net.namedParameters().keys()]).toEqual([
      "blocks.0.inner.weight",
      "blocks.0.inner.bias",
      "blocks.0.scale",
      "blocks.1.inner.weight",
      "blocks.1.inner.bias",
      "blocks.1.scale",
      "heads.left.weight",
      "heads.left.bias",
      "heads.right.weight",
    ]);
    expect([...net.variables().keys()]).toContain("steps");
    expect(net.parameterCount()).toBe(2 * 15 + 4 + 6);
    expect(net.blocks[0]?.inner.weight.name).toBe("blocks.0.inner.weight");
    expect(net.modules()).toHaveLength(7);
  });

  test("a shared layer is listed once, under its first name", () => {
    const shared = new Linear(3, 3);
    const model = new Sequential(shared, relu, shared);
    expect([...model.namedParameters().keys()]).toEqual(["layers.0.weight", "layers.0.bias"]);
  });

  test("modules that hold each other do not loop", () => {
    class Node extends Module {
      other: Module | null = null;
      w = parameter([1]);
      forward(x: Tensor) {
        return x.mul(this.w);
      }
    }
    const [a, b] = [new Node(), new Node()];
    a.other = b;
    b.other = a;
    expect([...a.namedParameters().keys()]).toEqual(["other.w", "w"]);
  });

  test("parameter of values instead of a shape points to variable", () => {
    expect(() => parameter(zeros([2, 3]) as never)).toThrow(/^parameter: takes a shape and an initializer; got .*variable\(values\)/);
    expect(() => parameter([3], 0 as never)).toThrow(/^parameter: .*; got 0\./);
  });

  test("plain variables are parameters too when they are trainable", () => {
    class Plain extends Module {
      w = variable([1, 2], "mine");
      forward(x: Tensor) {
        return x.mul(this.w);
      }
    }
    expect([...new Plain().namedParameters().keys()]).toEqual(["w"]);
  });
});

describe("first values", () => {
  test("derive from seed and path alone: layers elsewhere and earlier draws change nothing", () => {
    const a = new Sequential(new Linear(4, 3), relu, new Linear(3, 2));
    const first = weights(a);
    seed(0);
    new Linear(9, 9).parameters()[0]?.dataSync();
    const b = new Sequential(new Linear(4, 3), (x: Tensor) => x.tanh(), new Linear(3, 2), new Linear(2, 7));
    expect(weights(b).slice(0, 4)).toEqual(first);
    expect(first[0]?.[1]).not.toEqual(first[2]?.[1]);
    seed(1);
    expect(weights(new Sequential(new Linear(4, 3), relu, new Linear(3, 2)))[0]).not.toEqual(first[0]);
  });

  test("the outermost module names them, whichever part is used first, also inside a traced function", () => {
    const build = () => {
      seed(5);
      return new Net();
    };
    const expected = weights(build());
    const viaChild = build();
    viaChild.blocks[1]?.inner.weight.dataSync();
    viaChild.heads.left.parameters();
    expect(weights(viaChild)).toEqual(expected);
    const viaTrace = build();
    compile((x: Tensor) => viaTrace.blocks[1]?.forward(x))(zeros([1, 3]));
    expect(weights(viaTrace)).toEqual(expected);
  });

  test("a layer that is added later gets its path in the model", () => {
    class Growing extends Module {
      layers: Linear[] = [new Linear(2, 2)];
      forward(x: Tensor) {
        return this.layers.reduce((h, l) => l.forward(h), x);
      }
    }
    const model = new Growing();
    model.forward(zeros([1, 2]));
    model.layers.push(new Linear(2, 2), new Linear(2, 2));
    model.forward(zeros([1, 2])).dataSync();
    expect(model.layers[2]?.weight.name).toBe("layers.2.weight");
    expect(model.layers[1]?.weight.dataSync()).not.toEqual(model.layers[2]?.weight.dataSync());
  });

  test("initialize draws again, by a seed of its own", () => {
    const a = new Linear(3, 4).initialize(7);
    const b = new Linear(3, 4);
    b.weight.assign(zeros([4, 3]));
    expect(weights(b.initialize(7))).toEqual(weights(a));
    expect(weights(b.initialize(8))).not.toEqual(weights(a));
    expect(() => b.initialize(-1)).toThrow("seed is out of range; got -1");
  });

  test("what was assigned first is never overwritten", () => {
    const layer = new Linear(1, 1);
    layer.weight.assign([[5]]);
    layer.bias?.assign([1]);
    expect(layer.forward(tensor([[2]])).itemSync()).toBe(11);
  });

  const moments = (initializer: Initializer, shape: number[]) => {
    const values = [...parameter(shape, initializer).dataSync()];
    const mean = values.reduce((s, v) => s + v, 0) / values.length;
    const variance = values.reduce((s, v) => s + (v - mean) ** 2, 0) / values.length;
    return { mean, variance, largest: Math.max(...values.map(Math.abs)) };
  };
  test.each([
    ["glorotUniform", glorotUniform(), [80, 120], 2 / 200, Math.sqrt(6 / 200)],
    ["glorotNormal", glorotNormal(), [80, 120], 2 / 200, Number.POSITIVE_INFINITY],
    ["heUniform", heUniform(), [80, 120], 2 / 120, Math.sqrt(6 / 120)],
    ["heNormal", heNormal(), [80, 120], 2 / 120, Number.POSITIVE_INFINITY],
    ["lecunUniform", lecunUniform(), [80, 120], 1 / 120, Math.sqrt(3 / 120)],
    ["lecunNormal", lecunNormal(), [80, 120], 1 / 120, Number.POSITIVE_INFINITY],
    ["heNormal of a kernel", heNormal(), [16, 8, 5, 5], 2 / 200, Number.POSITIVE_INFINITY],
    ["uniform", uniformInitializer({ low: -2, high: 2 }), [100, 100], 16 / 12, 2],
    ["normal", normalInitializer({ std: 0.5 }), [100, 100], 0.25, Number.POSITIVE_INFINITY],
  ] as const)("%s has the variance it says", (_, initializer, shape, variance, limit) => {
    const m = moments(initializer, [...shape]);
    expect(m.variance / variance).toBeGreaterThan(0.93);
    expect(m.variance / variance).toBeLessThan(1.07);
    expect(Math.abs(m.mean)).toBeLessThan(4 * Math.sqrt(variance / 3200));
    expect(m.largest).toBeLessThanOrEqual(limit);
  });

  test("an initializer of another shape is refused", () => {
    expect(() => parameter([2], () => zeros([3]))).toThrow("the initializer made another type; got float32[3], expected float32[2]");
  });
});

describe("layers", () => {
  test("Linear is x Wᵀ + b over the last axis", () => {
    const layer = new Linear(2, 3);
    layer.weight.assign([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
    layer.bias?.assign([0.5, 0, -1]);
    expect(layer.forward(tensor([[1, 10]])).toArraySync()).toEqual([[21.5, 43, 64]]);
    expect(layer.forward(tensor([1, 10])).toArraySync()).toEqual([21.5, 43, 64]);
    expect(layer.forward(zeros([4, 5, 2])).shape).toEqual([4, 5, 3]);
  });

  test("Linear refuses wrong sizes, dtypes and options", () => {
    const layer = new Linear(2, 3);
    expect(() => layer.forward(zeros([4, 3]))).toThrow("Linear(2, 3): the input has the wrong last axis; got [4,3], expected […,2].");
    expect(() => layer.forward(tensor(new Uint8Array(2)) as never)).toThrow(
      'the input must be float32; got uint8. Cast it first: x.cast("float32").',
    );
    expect(() => new Linear(0, 3)).toThrow("Linear: inputs is out of range; got 0, expected a whole number at least 1");
    expect(() => new Linear(2, 3, { biased: false } as never)).toThrow('there is no option "biased". Did you mean "bias"?');
  });

  test("Flatten keeps the batch", () => {
    expect(new Flatten().forward(zeros([5, 2, 3])).shape).toEqual([5, 6]);
    expect(new Flatten(0).forward(zeros([5, 2, 3])).shape).toEqual([30]);
  });

  test("Sequential says which layer is none", () => {
    expect(() => new Sequential(new Linear(1, 1), "relu" as never)).toThrow("layer 1 is neither a module nor a function; got relu");
  });

  test("Dropout drops in training only, keeps the mean, and draws anew each time", () => {
    const layer = new Dropout(0.25);
    const x = zeros([10000]).add(1);
    const [a, b] = [layer.forward(x).dataSync(), layer.forward(x).dataSync()];
    const kept = a.filter((v) => v !== 0);
    expect(Math.abs(kept.length - 7500)).toBeLessThan(200);
    expect(kept.every((v) => Math.abs(v - 1 / 0.75) < 1e-6)).toBe(true);
    expect(a).not.toEqual(b);
    expect(layer.eval().forward(x)).toBe(x);
    expect(() => new Dropout(1)).toThrow("probability is out of range; got 1, expected a finite number at least 0 and below 1");
  });
});

describe("modes", () => {
  test("a compiled function follows train and eval, and finds its old program again", () => {
    const model = new Sequential(new Linear(4, 4), new Dropout(0.5));
    const forward = compile((x: Tensor) => model.forward(x));
    const x = zeros([1, 4]).add(1);
    const train = [...forward(x).dataSync()];
    model.eval();
    const plain = [...forward(x).dataSync()];
    expect(plain).toEqual([...model.forward(x).dataSync()]);
    expect(train).not.toEqual(plain);
    const { traces } = forward;
    model.train();
    forward(x);
    model.eval();
    expect([...forward(x).dataSync()]).toEqual(plain);
    expect(forward.traces).toBe(traces);
  });

  test("train and eval reach everything inside, and one part can differ", () => {
    const model = new Net().eval();
    expect(model.modules().every((m) => !m.training)).toBe(true);
    model.blocks[0]?.train();
    expect([model.blocks[0]?.inner.training, model.blocks[1]?.training, model.training]).toEqual([true, false, false]);
  });

  test("freezing keeps parameters listed but not trainable", () => {
    const model = new Net();
    const names = [...model.namedParameters().keys()];
    model.blocks[0]?.freeze();
    expect([...model.namedParameters().keys()]).toEqual(names);
    expect(model.parameters().filter((p) => !p.trainable)).toHaveLength(3);
    model.unfreeze();
    expect(model.parameters().every((p) => p.trainable)).toBe(true);
    expect(model.steps.trainable).toBe(false);
  });

  test("weights are first computed in one program", () => {
    const model = new Sequential(new Linear(11, 7), new Linear(7, 5), new Linear(5, 3));
    const x = tensor(new Float32Array(11), { shape: [1, 11] });
    const before = stats().compiles;
    compile((x: Tensor) => model.forward(x))(x);
    expect(stats().compiles - before).toBe(2);
  });
});
