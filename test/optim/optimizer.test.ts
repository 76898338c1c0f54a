import { existsSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compile, setDevice, type Tensor, tensor, type Variable, variable } from "../../src/index.ts";
import {
  adam,
  adamW,
  addDecayedWeights,
  chain,
  clipByGlobalNorm,
  constantRate,
  cosine,
  Optimizer,
  scaleByAdam,
  scaleByLearningRate,
  sgd,
  trace,
} from "../../src/optim/index.ts";

beforeAll(() => setDevice("reference"));
afterAll(() => setDevice("auto"));

/** Double precision, so that trajectories can be compared to the last digits. */
const double = (values: readonly number[]) => tensor([...values], { dtype: "float64" }) as unknown as Tensor;
const doubleVariable = (values: readonly number[], name: string) => variable(double(values), { name, trainable: true }) as Variable;
const read = (v: Tensor) => [...v.dataSync({ exact: true })];

type Rule = (p: number[], g: number[], t: number) => number[];

/** The rules, written out once more in float64, element by element. */
const rules: Record<string, () => Rule> = {
  sgd: () => (p, g) => p.map((x, i) => x - 0.1 * (g[i] as number)),
  momentum: () => {
    const v = [0, 0, 0];
    return (p, g) =>
      p.map((x, i) => {
        v[i] = 0.9 * (v[i] as number) + (g[i] as number);
        return x - 0.1 * (v[i] as number);
      });
  },
  nesterov: () => {
    const v = [0, 0, 0];
    return (p, g) =>
      p.map((x, i) => {
        v[i] = 0.9 * (v[i] as number) + (g[i] as number);
        return x - 0.1 * ((g[i] as number) + 0.9 * (v[i] as number));
      });
  },
  adam: () => adamRule(0.01, 0.9, 0.999, 1e-8, 0),
  "adam, other betas": () => adamRule(0.01, 0.8, 0.95, 1e-3, 0),
  adamW: () => adamRule(0.01, 0.9, 0.999, 1e-8, 0.1),
  "sgd with weight decay": decayThenMomentum,
  "decay before momentum": decayThenMomentum,
  clipped: () => (p, g) => {
    const norm = Math.hypot(...g);
    return p.map((x, i) => x - 0.1 * (g[i] as number) * Math.min(1, 0.5 / (norm + 1e-6)));
  },
};

function decayThenMomentum(): Rule {
  const v = [0, 0, 0];
  return (p, g) =>
    p.map((x, i) => {
      v[i] = 0.5 * (v[i] as number) + (g[i] as number) + 0.2 * x;
      return x - 0.1 * (v[i] as number);
    });
}

function adamRule(rate: number, beta1: number, beta2: number, epsilon: number, decay: number): Rule {
  const [m, v] = [
    [0, 0, 0],
    [0, 0, 0],
  ];
  return (p, g, t) =>
    p.map((x, i) => {
      const d = g[i] as number;
      m[i] = beta1 * (m[i] as number) + (1 - beta1) * d;
      v[i] = beta2 * (v[i] as number) + (1 - beta2) * d * d;
      const [mHat, vHat] = [(m[i] as number) / (1 - beta1 ** t), (v[i] as number) / (1 - beta2 ** t)];
      return x - rate * (mHat / (Math.sqrt(vHat) + epsilon) + decay * x);
    });
}

const optimizers: Record<string, () => Optimizer> = {
  sgd: () => sgd({ learningRate: 0.1 }),
  momentum: () => sgd({ learningRate: 0.1, momentum: 0.9 }),
  nesterov: () => sgd({ learningRate: 0.1, momentum: 0.9, nesterov: true }),
  adam: () => adam({ learningRate: 0.01 }),
  "adam, other betas": () => adam({ learningRate: 0.01, beta1: 0.8, beta2: 0.95, epsilon: 1e-3 }),
  adamW: () => adamW({ learningRate: 0.01, weightDecay: 0.1 }),
  "sgd with weight decay": () => sgd({ learningRate: 0.1, momentum: 0.5, weightDecay: 0.2 }),
  "decay before momentum": () => new Optimizer(chain(addDecayedWeights(0.2), trace({ momentum: 0.5 }), scaleByLearningRate(0.1))),
  clipped: () => sgd({ learningRate: 0.1, maxNorm: 0.5 }),
};

const gradientAt = (t: number) => [Math.sin(t), 10 * Math.cos(3 * t), 1e-4 * Math.sin(7 * t + 1)];

describe("trajectories against the rules in float64", () => {
  test.each(Object.keys(rules))("%s, at once and compiled", (name) => {
    const rule = (rules[name] as () => Rule)();
    const [eager, compiled] = [(optimizers[name] as () => Optimizer)(), (optimizers[name] as () => Optimizer)()];
    const [p, q] = [doubleVariable([1, -2, 0.5], "p"), doubleVariable([1, -2, 0.5], "q")];
    const step = compile((g: Tensor) => compiled.apply([q], [g]));
    let at = [1, -2, 0.5];
    for (let t = 1; t <= 50; t++) {
      const g = gradientAt(t);
      at = rule(at, g, t);
      eager.apply([p], [double(g)]);
      step(double(g));
      for (const [i, x] of at.entries()) {
        expect(read(p)[i]).toBeCloseTo(x, 12);
        expect(read(q)[i]).toBeCloseTo(x, 12);
      }
    }
    expect(eager.step.value).toBe(50);
    expect(step.traces).toBe(1);
  });
});

const path = "../shared/reference/optimizers.json";
if (existsSync(path)) {
  interface Case {
    id: string;
    options: Record<string, number | boolean | number[]>;
    trajectory: Record<string, { W: number[][]; b: number[] }>;
  }
  const reference = JSON.parse(readFileSync(path, "utf8")) as {
    cases: Case[];
    sequences: { A: { initial: { W: number[][]; b: number[] }; gradients: { W: number[][][]; b: number[][] } } };
  };

  /** The same options in our words; null where they need what we do not have. */
  const build = ({ id, options: o }: Case): Optimizer | null => {
    const [learningRate, decay] = [o.lr as number, (o.weight_decay ?? 0) as number];
    const coupled = decay > 0 ? [addDecayedWeights(decay)] : [];
    if (o.amsgrad === true || o.maximize === true || ((o.dampening ?? 0) as number) > 0) return null;
    if (id.startsWith("torch.SGD/")) {
      return sgd({ learningRate, momentum: (o.momentum ?? 0) as number, nesterov: o.nesterov === true, weightDecay: decay });
    }
    const [beta1, beta2] = (o.betas ?? []) as number[];
    const scale = { beta1: beta1 as number, beta2: beta2 as number, epsilon: o.eps as number };
    if (id.startsWith("torch.AdamW/")) return adamW({ learningRate, ...scale, weightDecay: decay });
    if (id.startsWith("torch.Adam/")) return new Optimizer(chain(...coupled, scaleByAdam(scale), scaleByLearningRate(learningRate)));
    return null;
  };

  const { initial, gradients } = reference.sequences.A;
  const covered = reference.cases.filter((c) => build(c) !== null);

  describe("stored trajectories of PyTorch", () => {
    test("cover SGD, Adam and AdamW with their options", () => expect(covered.length).toBeGreaterThanOrEqual(11));

    test.each(covered.map((c) => [c.id, c] as const))("%s", (_, c) => {
      const optimizer = build(c) as Optimizer;
      const [W, b] = [doubleVariable(initial.W.flat(), "W"), doubleVariable(initial.b, "b")];
      const step = compile((g: Tensor, h: Tensor) => optimizer.apply([W, b], [g, h]));
      for (let t = 1; t <= 60; t++) {
        step(double((gradients.W[t - 1] as number[][]).flat()), double(gradients.b[t - 1] as number[]));
        const expected = c.trajectory[t];
        if (expected === undefined) continue;
        const [w, v] = [expected.W.flat(), expected.b];
        for (const [got, want] of [
          [read(W), w],
          [read(b), v],
        ] as const)
          for (const [i, x] of want.entries())
            expect(Math.abs((got[i] as number) - x)).toBeLessThanOrEqual(1e-10 * Math.max(1, Math.abs(x)));
      }
    });
  });
}

describe("minimize", () => {
  const problem = () => {
    const [W, b, other] = [variable([1, 2], "W"), variable([0], "b"), variable([5], "other")];
    return { W, b, other, loss: () => W.mul(3).sum().add(b.square().sum()).add(b.sum()) };
  };

  test("changes every trainable variable that the loss reaches, and no other", () => {
    const { W, b, other, loss } = problem();
    sgd({ learningRate: 0.1 }).minimize(loss());
    expect(W.toArraySync()).toEqual([0.7, 1.7].map((v) => expect.closeTo(v, 6)));
    expect(b.itemSync()).toBeCloseTo(-0.1, 6);
    expect(other.itemSync()).toBe(5);
  });

  test("all change together, from the values before", () => {
    const [u, v] = [variable([2], "u"), variable([3], "v")];
    sgd({ learningRate: 1 }).minimize(u.mul(v).sum());
    expect([u.itemSync(), v.itemSync()]).toEqual([-1, 1]);
  });

  test("a list leaves the rest alone; what the loss does not reach is refused by name", () => {
    const { W, b, other, loss } = problem();
    sgd({ learningRate: 0.1 }).minimize(loss(), [b]);
    expect(W.toArraySync()).toEqual([1, 2]);
    const optimizer = sgd({ learningRate: 0.1 });
    expect(() => optimizer.minimize(loss(), [W, other])).toThrow('minimize: the loss does not reach variable "other".');
    expect(() => optimizer.minimize(loss(), [])).toThrow("the list of variables is empty");
    expect(() => optimizer.minimize(tensor(1))).toThrow("the loss reaches no trainable variable");
    expect(() => optimizer.minimize(W.mul(1))).toThrow("the loss must be a scalar; got [2]. Take its mean or sum.");
    W.trainable = false;
    expect(() => optimizer.minimize(loss(), [W])).toThrow('variable "W" is not trainable');
    expect(() => optimizer.minimize(loss(), [tensor([1]) as never])).toThrow("something that is no variable");
    expect([W.toArraySync(), optimizer.step.value]).toEqual([[1, 2], 0]);
  });

  test("a variable that joins later begins with fresh slots; one that is frozen keeps its own", () => {
    const { W, b, loss } = problem();
    const optimizer = sgd({ learningRate: 0.1, momentum: 0.5 });
    b.trainable = false;
    const step = compile(() => optimizer.minimize(loss()));
    step();
    b.trainable = true;
    step();
    const named = new Map([
      ["W", W],
      ["b", b],
    ]);
    const velocity = (name: string) => optimizer.state(named).get(`${name}/0.velocity`)?.toArraySync();
    expect(velocity("W")).toEqual([4.5, 4.5]);
    expect(velocity("b")).toEqual([1]);
    W.trainable = false;
    step();
    expect(velocity("W")).toEqual([4.5, 4.5]);
    expect([...optimizer.state(named).keys()]).toEqual(["step", "W/0.velocity", "b/0.velocity"]);
  });

  test("a step that throws changes nothing", () => {
    const { W, b, loss } = problem();
    const optimizer = adam({ learningRate: 0.1 });
    const step = compile((fail: boolean) => {
      optimizer.minimize(loss());
      if (fail) throw new Error("mine");
    });
    step(false);
    const before = [W.toArraySync(), b.toArraySync(), optimizer.step.value];
    expect(() => step(true)).toThrow("mine");
    expect([W.toArraySync(), b.toArraySync(), optimizer.step.value]).toEqual(before);
    step(false);
    expect(optimizer.step.value).toBe(2);
  });
});

describe("hyper-parameters", () => {
  test("change between steps without recompiling", () => {
    const p = variable([0], "p");
    const optimizer = adamW({ learningRate: 0.1, weightDecay: 0, maxNorm: 100 });
    const step = compile(() => optimizer.minimize(p.sum()));
    step();
    optimizer.learningRate = 0.5;
    step();
    expect(p.itemSync()).toBeCloseTo(-0.6, 5);
    for (const [name, value] of Object.entries({ beta1: 0.5, beta2: 0.5, epsilon: 1e-3, weightDecay: 0.1, maxNorm: 1, learningRate: 0 }))
      (optimizer.hyperparameters[name] as { value: number }).value = value;
    step();
    expect(p.itemSync()).toBeCloseTo(-0.6, 5);
    expect(step.traces).toBe(1);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, -0.1])("a learning rate of %d is refused, at first and later", (bad) => {
    for (const make of [sgd, adam, adamW])
      expect(() => make({ learningRate: bad })).toThrow(`learningRate is out of range; got ${bad}, expected a finite number at least 0.`);
    const optimizer = sgd({ learningRate: 0.1 });
    expect(() => {
      optimizer.learningRate = bad;
    }).toThrow("learningRate is out of range");
    expect(optimizer.learningRate).toBe(0.1);
  });

  test("other bad options are refused by name", () => {
    expect(() => sgd({ learningRate: 0.1, momentum: 1 })).toThrow("trace: momentum is out of range; got 1");
    expect(() => sgd({ learningRate: 0.1, nesterov: true })).toThrow("nesterov needs momentum above 0");
    expect(() => sgd({ learningrate: 0.1 } as never)).toThrow('sgd: there is no option "learningrate". Did you mean "learningRate"?');
    expect(() => adam({ learningRate: 0.1, beta2: -1 })).toThrow("beta2 is out of range; got -1");
    expect(() => adam({ learningRate: "0.1" as never })).toThrow("learningRate must be a number or a schedule; got 0.1");
    expect(() => adam({} as never)).toThrow("adam: learningRate must be a number or a schedule; got undefined");
    expect(() => adamW(undefined as never)).toThrow("adamW: the options must be an object; got undefined. The options are: learningRate");
    expect(() => clipByGlobalNorm(0)).toThrow("maxNorm is out of range; got 0, expected a finite number above 0.");
    expect(() => addDecayedWeights(-1)).toThrow("weightDecay is out of range");
    expect(() => sgd({ learningRate: constantRate(0.1) }).learningRate).toThrow("the learning rate is a schedule");
  });

  test("two transforms with one name are told apart", () => {
    const names = Object.keys(chain(addDecayedWeights(0.1), addDecayedWeights(0.2), scaleByLearningRate(1)).hyperparameters);
    expect(names).toEqual(["0.weightDecay", "1.weightDecay", "learningRate"]);
  });

  test("a schedule runs inside the compiled step, and asks for the length of the run", () => {
    const p = doubleVariable([0], "p");
    const optimizer = sgd({ learningRate: cosine(1) });
    const step = compile(() => optimizer.minimize(p.sum()));
    expect(() => step()).toThrow("the length of the run is unknown; ".replace("; ", ". "));
    optimizer.totalSteps = 4;
    let expected = 0;
    for (let k = 0; k < 4; k++) {
      step();
      expected -= (1 + Math.cos((Math.PI * k) / 4)) / 2;
      expect(read(p)[0]).toBeCloseTo(expected, 12);
    }
    expect(step.traces).toBe(1);
    optimizer.totalSteps = 8;
    step();
    expect(read(p)[0]).toBeCloseTo(expected - 0.5, 12);
    expect(step.traces).toBe(1);
  });
});
