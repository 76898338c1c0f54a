import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { relu, seed, setDevice, stats, type Tensor, tensor, variable, zeros } from "../../src/index.ts";
import { crossEntropy, mse } from "../../src/loss/index.ts";
import { Dropout, Linear, Module, Sequential } from "../../src/nn/index.ts";
import { adam, cosine, sgd } from "../../src/optim/index.ts";
import { l2 } from "../../src/regularize/index.ts";
import { accuracy, type Callback, converged, earlyStopping, evaluate, type FitOptions, fit, predict } from "../../src/train/index.ts";
import type { RunEvent } from "../../src/util/events.ts";

beforeAll(() => setDevice("wasm"));
afterAll(() => setDevice("auto"));

/** Two classes of points around two centres, as bytes. */
function points(count: number, from = 0) {
  const inputs = new Uint8Array(count * 2);
  const targets = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const k = i + from;
    targets[i] = k % 2;
    inputs[2 * i] = 100 + (k % 2) * 60 + Math.round(20 * Math.sin(k * 12.9));
    inputs[2 * i + 1] = 90 + (k % 2) * 40 + Math.round(20 * Math.cos(k * 7.7));
  }
  return { inputs: tensor(inputs, { shape: [count, 2] }), targets: tensor(targets) };
}

const scale = (x: Tensor<"uint8">) => x.cast("float32").sub(128).div(32);
const makeModel = () => new Sequential(scale, new Linear(2, 8), relu, new Dropout(0.1), new Linear(8, 2)).initialize(3);
const options = (extra: Partial<FitOptions> = {}): FitOptions => ({
  loss: crossEntropy,
  optimizer: adam({ learningRate: 0.05 }),
  epochs: 4,
  batchSize: 16,
  metrics: { accuracy },
  ...extra,
});
const values = (m: Module) => m.parameters().map((p) => [...p.dataSync()]);

describe("fit", () => {
  test("learns, and remembers an epoch each: loss, penalty, metrics, validation", async () => {
    const model = makeModel();
    const { history, steps, stopped } = await fit(model, points(100), options({ validation: points(40, 1000), regularizer: l2(1e-3) }));
    expect(steps).toBe(4 * 7);
    expect(stopped).toBeNull();
    expect(history.epochs.map((e) => e.epoch)).toEqual([1, 2, 3, 4]);
    expect(history.epochs.map((e) => e.step)).toEqual([7, 14, 21, 28]);
    const [first, last] = [history.epochs[0], history.epochs[3]];
    expect(Object.keys(first?.training ?? {})).toEqual(["loss", "penalty", "accuracy"]);
    expect(Object.keys(first?.validation ?? {})).toEqual(["loss", "accuracy"]);
    expect(last?.training.loss).toBeLessThan((first?.training.loss ?? 0) / 2);
    expect(last?.validation?.accuracy).toBeGreaterThan(0.95);
    expect(history.steps.length).toBe(28);
    expect(model.training).toBe(true);
  });

  test("the epoch's loss is the mean over samples, a smaller last batch weighs less", async () => {
    const model = new Sequential(new Linear(1, 1, { weightInitializer: () => tensor([[0]]) }));
    const data = { inputs: zeros([5, 1]), targets: tensor([[1], [1], [1], [1], [6]]) };
    const result = await fit(model, data, { loss: mse, optimizer: sgd({ learningRate: 0 }), epochs: 1, batchSize: 4, shuffle: false });
    expect(result.history.epochs[0]?.training.loss).toBeCloseTo((4 * 1 + 36) / 5, 5);
  });

  test("one step is the penalised gradient step that one would write by hand", async () => {
    const build = () => new Sequential(new Linear(2, 2)).initialize(1);
    const data = {
      inputs: tensor([
        [1, 2],
        [3, -1],
        [0, 1],
      ]),
      targets: tensor([
        [1, 0],
        [2, 1],
        [0, 0],
      ]),
    };
    const [a, b] = [build(), build()];
    await fit(a, data, { loss: mse, optimizer: sgd({ learningRate: 0.1 }), regularizer: l2(0.3), epochs: 1, batchSize: 3 });
    const layer = b.layers[0] as Linear;
    sgd({ learningRate: 0.1 }).minimize(mse(b.forward(data.inputs), data.targets).add(l2(0.3)(layer.weight)));
    for (const [i, list] of values(a).entries()) for (const [j, v] of list.entries()) expect(v).toBeCloseTo(values(b)[i]?.[j] as number, 6);
  });

  test("the same seed gives the same bits, another one another order", async () => {
    const run = async (s: number) => {
      seed(9);
      const model = makeModel();
      const { history } = await fit(model, points(50), options({ seed: s }));
      return { weights: values(model), epochs: history.epochs.map(({ seconds, ...rest }) => rest) };
    };
    const first = await run(1);
    expect(await run(1)).toEqual(first);
    expect((await run(2)).weights).not.toEqual(first.weights);
  });

  test("compiles once for whole and once for the last batches, whatever happens to rates, modes and epochs", async () => {
    const [model, optimizer, penalty] = [makeModel(), adam({ learningRate: 0.05 }), l2(1e-3)];
    const [data, validation] = [points(100), points(30, 500)];
    const before = stats();
    const change: Callback = {
      name: "change",
      epochEnd: () => {
        optimizer.learningRate *= 0.9;
        penalty.lambda *= 0.9;
      },
    };
    await fit(model, data, options({ optimizer, regularizer: penalty, epochs: 2, validation, callbacks: [change] }));
    const between = stats();
    // Two sizes of batches and the validation; and the first values of weights.
    expect(between.traces - before.traces).toBe(3);
    await fit(model, data, options({ optimizer, regularizer: penalty, epochs: 3, validation }));
    expect(stats().compiles).toBe(between.compiles);
  });

  test("a schedule is stretched over the whole run", async () => {
    const model = new Sequential(new Linear(1, 1, { bias: false, weightInitializer: () => tensor([[0]]) }));
    const optimizer = sgd({ learningRate: cosine(1) });
    await fit(
      model,
      { inputs: zeros([4, 1]).add(1), targets: zeros([4, 1]) },
      { loss: (p) => p.mean(), optimizer, epochs: 2, batchSize: 2 },
    );
    const expected = [0, 1, 2, 3].reduce((sum, k) => sum - (1 + Math.cos((Math.PI * k) / 4)) / 2, 0);
    expect(values(model)[0]?.[0]).toBeCloseTo(expected, 5);
    expect(optimizer.totalSteps).toBe(4);
  });

  test("events tell the whole story in order", async () => {
    const events: RunEvent[] = [];
    await fit(makeModel(), points(100), options({ epochs: 2, onEvent: (e) => events.push(e) }));
    const kinds = events.map((e) => e.type).filter((t) => t !== "progress");
    expect(kinds).toEqual(["start", "epoch", "epoch", "end"]);
    expect(events[0]).toMatchObject({ device: "wasm", parameters: 42, samples: 100, batchSize: 16, epochs: 2, stepsPerEpoch: 7, step: 0 });
    expect(events[0]).toMatchObject({ settings: { loss: "crossEntropy", hyperparameters: { learningRate: 0.05 } } });
    expect(events.at(-1)).toMatchObject({ type: "end", epochs: 2, step: 14 });
    expect(JSON.parse(JSON.stringify(events))).toEqual(events);
  });

  test("an abort ends the run after the step under way, and callbacks may save", async () => {
    const abort = new AbortController();
    const seen: string[] = [];
    const watcher: Callback = { name: "watcher", save: (run) => void seen.push(`save ${run.epoch}`), end: () => void seen.push("end") };
    const stop: Callback = { name: "stop", epochEnd: (run) => (run.epoch === 2 ? abort.abort() : undefined) };
    const result = await fit(makeModel(), points(64), options({ signal: abort.signal, callbacks: [stop, watcher] }));
    expect(result.stopped).toBe("interrupted");
    expect(result.steps).toBe(9);
    expect(seen).toEqual(["save 1", "save 2", "save 2", "end"]);
  });
});

describe("refusals, before anything has changed", () => {
  const refused = async (message: string, run: () => Promise<unknown>) => expect(run()).rejects.toThrow(message);

  test("trainable variables that the model does not list", async () => {
    const hidden = variable([1], "hidden");
    class Leaky extends Module {
      inner = new Linear(2, 2);
      forward(x: Tensor) {
        return this.inner.forward(x).mul(hidden);
      }
    }
    const model = new Leaky();
    const before = values(model);
    await refused('the loss reaches the trainable variable "hidden", which is no parameter of the model. Put it into a public field', () =>
      fit(model, { inputs: zeros([4, 2]), targets: zeros([4, 2]) }, { loss: mse, optimizer: sgd({ learningRate: 0.1 }), epochs: 1 }),
    );
    expect(values(model)).toEqual(before);
  });

  test.each([
    [{ epochs: 0 }, "fit: epochs is out of range; got 0"],
    [{ epochs: 1.5 }, "got 1.5, expected a whole number at least 1"],
    [{ batchSize: 0 }, "batchSize is out of range"],
    [{ epoch: 3 }, 'fit: there is no option "epoch". Did you mean "epochs"?'],
    [{ loss: undefined }, "loss must be a function; got undefined"],
    [{ optimizer: "adam" }, "optimizer must be an optimiser; got adam. For example { optimizer: adam({ learningRate: 1e-3 }) }."],
    [{ metrics: { loss: accuracy } }, 'a metric cannot be called "loss"'],
    [{ metrics: [accuracy] }, "fit: metrics must be functions by name; got [function "],
    [
      { metrics: { accuracy: "accuracy" } },
      'the metric "accuracy" must be a function; got accuracy. For example { metrics: { accuracy } }.',
    ],
    [{ regularizer: 1e-4 }, "fit: regularizer must be a penalty, or a list of them; got 0.0001. For example { regularizer: l2(1e-4) }."],
    [{ callbacks: earlyStopping() }, "fit: callbacks must be a list; got "],
    [{ loss: (p: Tensor) => p }, 'the loss must be a scalar; got [16,2]. Use the reduction "mean".'],
    [{ validation: { inputs: zeros([0, 2]), targets: zeros([0]) } }, "fit, validation: inputs holds no samples; got [0,2]"],
  ])("%j", async (extra, message) => {
    await refused(message, () => fit(makeModel(), points(100), options(extra as never)));
  });

  test("data that does not fit", async () => {
    await refused("fit: inputs holds no samples; got [0,2]", () =>
      fit(makeModel(), { inputs: zeros([0, 2]), targets: zeros([0]) }, options()),
    );
    await refused("inputs and targets differ in the number of samples; got inputs [4,2] and targets [3]", () =>
      fit(makeModel(), { inputs: zeros([4, 2]), targets: zeros([3]) }, options()),
    );
    await refused("mse", () =>
      fit(new Linear(2, 3), { inputs: zeros([3, 2]), targets: zeros([3, 1]) }, options({ loss: mse, metrics: {} })),
    ).catch((error: Error) => expect(error.message).toContain("SquaredError"));
    await refused("the model must be a module; got function", () => fit((() => {}) as never, points(4), options()));
    await refused("all parameters of the model are frozen. Unfreeze some.", () => fit(makeModel().freeze(), points(4), options()));
    await refused("the model has no parameters. Put layers", () => fit(new Sequential(scale), points(4), options()));
    await refused("fit: the data set must be an object { inputs, targets }; got Tensor.", () =>
      fit(makeModel(), points(4).inputs as never, points(4).targets as never),
    );
    await refused("fit: the options must be an object; got undefined.", () => fit(makeModel(), points(4), undefined as never));
  });

  test("a loss and a metric of float32 targets need no cast, and scores have names", async () => {
    const absolute = (prediction: Tensor, target: Tensor) => prediction.sub(target).abs().mean();
    const data = { inputs: [[1], [2]], targets: [[2], [4]] };
    const model = new Linear(1, 1);
    const { history } = await fit(model, data, { loss: absolute, optimizer: sgd({ learningRate: 0.1 }), epochs: 2, metrics: { absolute } });
    const trained: number | undefined = history.epochs[1]?.training.loss;
    const scores = await evaluate(model, data, { loss: absolute, metrics: { twice: absolute } });
    const { loss, twice }: { loss: number; twice: number } = scores;
    // @ts-expect-error there is no such score
    const none = scores.accuracy;
    expect([loss, none, history.epochs[1]?.training.absolute]).toEqual([twice, undefined, trained]);
  });

  test("a loss that is no number any more ends the run and says where", async () => {
    const model = new Sequential(new Linear(1, 1));
    const data = { inputs: tensor([[1e20], [1]]), targets: tensor([[1], [1]]) };
    await refused("fit: the loss is Infinity at step 1 of epoch 1. Lower the learning rate (now 100)", () =>
      fit(model, data, { loss: mse, optimizer: sgd({ learningRate: 100 }), epochs: 3, batchSize: 2 }),
    );
  });
});

describe("stopping", () => {
  /** A model whose validation loss falls and rises again: w walks past the target. */
  const walk = () => new Sequential(new Linear(1, 1, { bias: false, weightInitializer: () => tensor([[0]]) }));
  const data = { inputs: zeros([2, 1]).add(1), targets: zeros([2, 1]) };
  const walking: FitOptions = { loss: (p) => p.mean(), optimizer: sgd({ learningRate: 1 }), epochs: 20, batchSize: 2 };

  test("early stopping waits, stops and gives back the best weights", async () => {
    // w = −1, −2, …: the error (w + 3)² is smallest after epoch 3.
    const model = walk();
    const stopping = earlyStopping({ patience: 4, monitor: "error" });
    const error = (p: Tensor) => p.add(3).square().mean();
    const result = await fit(model, data, {
      ...walking,
      optimizer: sgd({ learningRate: 1 }),
      validation: data,
      metrics: { error },
      callbacks: [stopping],
    });
    expect(result.stopped).toBe("error has not improved for 4 epochs; the best was epoch 3");
    expect(result.history.epochs).toHaveLength(7);
    expect(values(model)).toEqual([[-3]]);
    expect(stopping).toMatchObject({ bestEpoch: 3, best: 0 });
  });

  test("accuracy is better when larger; without restoring, the last weights stay", async () => {
    const model = walk();
    const shrinking = (p: Tensor) => p.add(2).abs().neg().mean();
    const stopping = earlyStopping({ patience: 1, monitor: "my accuracy", restoreBest: false });
    await fit(model, data, {
      ...walking,
      optimizer: sgd({ learningRate: 1 }),
      validation: data,
      metrics: { "my accuracy": shrinking },
      callbacks: [stopping],
    });
    expect(stopping.bestEpoch).toBe(2);
    expect(values(model)).toEqual([[-3]]);
    await expect(fit(walk(), data, { ...walking, callbacks: [earlyStopping({ monitor: "acuracy" })] })).rejects.toThrow(
      "there is no such score to watch; got acuracy, expected loss",
    );
  });

  test("converged: the loss has come to rest", async () => {
    const model = new Sequential(new Linear(1, 1));
    const line = { inputs: tensor([[0], [1], [2]]), targets: tensor([[1], [3], [5]]) };
    const result = await fit(model, line, {
      loss: mse,
      optimizer: sgd({ learningRate: 0.2 }),
      epochs: 2000,
      batchSize: 3,
      callbacks: [converged()],
    });
    expect(result.stopped).toBe("the loss has converged: it changes by less than 0.000001 an epoch");
    expect(result.history.epochs.length).toBeLessThan(200);
    expect(values(model).flat()[0]).toBeCloseTo(2, 2);
  });

  test("bad options", () => {
    expect(() => earlyStopping({ patience: 0 })).toThrow("earlyStopping: patience is out of range; got 0");
    expect(() => converged({ tolerance: -1 })).toThrow("converged: tolerance is out of range; got -1");
    expect(() => earlyStopping({ restore: true } as never)).toThrow('there is no option "restore". Did you mean "restoreBest"?');
  });
});

describe("evaluate and predict", () => {
  test("are in evaluation mode, whole or in batches, and leave the modes as they were", async () => {
    const model = makeModel();
    (model.layers[1] as Linear).eval();
    const data = points(45, 7);
    const whole = await evaluate(model, data, { loss: crossEntropy, metrics: { accuracy } });
    const batched = await evaluate(model, data, { loss: crossEntropy, metrics: { accuracy }, batchSize: 10 });
    expect(batched.loss).toBeCloseTo(whole.loss as number, 6);
    expect(batched.accuracy).toBeCloseTo(whole.accuracy as number, 6);
    const [a, b] = [await predict(model, data.inputs), await predict(model, data.inputs, { batchSize: 10 })];
    expect(a.shape).toEqual([45, 2]);
    expect([...b.dataSync()]).toEqual([...a.dataSync()]);
    expect(crossEntropy(a, data.targets).itemSync()).toBeCloseTo(whole.loss as number, 6);
    expect([model.training, (model.layers[1] as Linear).training]).toEqual([true, false]);
  });

  test("accuracy by hand, from indices and one-hot", async () => {
    const scores = tensor([
      [1, 2],
      [2, 1],
      [0, 3],
      [5, 4],
    ]);
    const labels = tensor(Int32Array.of(1, 1, 1, 0));
    expect(accuracy(scores, labels).itemSync()).toBe(0.75);
    expect(accuracy(scores, labels.oneHot(2)).itemSync()).toBe(0.75);
    expect(() => accuracy(scores, tensor(Int32Array.of(1)))).toThrow(
      "accuracy: scores and target do not fit; got scores [4,2] and target [1]",
    );
  });

  test("nothing to measure, nothing to predict", async () => {
    await expect(evaluate(makeModel(), points(4), {})).rejects.toThrow("evaluate: there is nothing to measure");
    await expect(predict(makeModel(), zeros([0, 2]))).rejects.toThrow("predict: inputs holds no samples");
  });
});
