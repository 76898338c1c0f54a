import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { relu, seed, setDevice, tensor, variable, zeros } from "../../src/index.ts";
import { decodeSafetensors, encodeSafetensors } from "../../src/io/index.ts";
import { crossEntropy } from "../../src/loss/index.ts";
import { Dropout, Linear, Sequential } from "../../src/nn/index.ts";
import { loadWeights, saveWeights } from "../../src/node.ts";
import { adamW, oneCycle, sgd } from "../../src/optim/index.ts";
import { l2 } from "../../src/regularize/index.ts";
import { accuracy, type Callback, checkpoint, converged, earlyStopping, type FitOptions, fit } from "../../src/train/index.ts";

beforeAll(() => setDevice("wasm"));
afterAll(() => setDevice("auto"));

const folder = () => join(mkdtempSync(join(tmpdir(), "downhill-")), "run");
const inputs = tensor(
  Array.from({ length: 60 }, (_, i) => [Math.sin(i), Math.cos(3 * i), Math.sin(i * i)]),
  {},
);
const targets = tensor(Int32Array.from({ length: 60 }, (_, i) => Number(Math.sin(i) > 0) + Number(Math.cos(3 * i) > 0.5)));
const data = { inputs, targets };
const held = { inputs: inputs.slice([0, 20]), targets: targets.slice([0, 20]) };

interface Ending {
  readonly weights: number[][];
  readonly epochs: unknown[];
  readonly steps: unknown[];
  readonly next: number[];
}

/** One process's part of a run: everything is made anew, from options alone. */
async function part(extra: Partial<FitOptions>, callbacks: Callback[], startSeed = 4): Promise<Ending> {
  seed(startSeed);
  const model = new Sequential(new Linear(3, 16), relu, new Dropout(0.3), new Linear(16, 3));
  const result = await fit(model, data, {
    loss: crossEntropy,
    optimizer: adamW({ learningRate: oneCycle(0.05), weightDecay: 0.01 }),
    regularizer: l2(1e-3),
    epochs: 6,
    batchSize: 16,
    seed: 11,
    validation: held,
    metrics: { accuracy },
    callbacks,
    ...extra,
  });
  return {
    weights: model.parameters().map((p) => [...p.dataSync()]),
    epochs: result.history.epochs.map(({ seconds, ...rest }) => rest),
    steps: result.history.steps,
    next: [...new Dropout(0.5).forward(zeros([8]).add(1)).dataSync()],
  };
}

const interruptAfter = (epoch: number, abort: AbortController): Callback => ({
  name: "interrupt",
  epochEnd: (run) => (run.epoch === epoch ? abort.abort() : undefined),
});

describe("resuming", () => {
  test("between epochs: weights, history, shuffles, dropout and the generator go on to the same bits", async () => {
    const nothing: Callback = { name: "nothing" };
    const whole = await part({}, [nothing, checkpoint(folder())]);
    const place = folder();
    const failing: Callback = {
      name: "nothing",
      epochEnd: (run) => {
        if (run.epoch === 4) throw new Error("power cut");
      },
    };
    await expect(part({}, [failing, checkpoint(place)])).rejects.toThrow("power cut");
    expect(await part({}, [nothing, checkpoint(place, { resume: true })], 99)).toEqual(whole);
    expect(readdirSync(place)).toEqual(["checkpoint.safetensors"]);
  });

  test("in the middle of an epoch, after an interruption", async () => {
    const whole = await part({}, [{ name: "interrupt" }, checkpoint(folder())]);
    const [place, abort] = [folder(), new AbortController()];
    await part({ signal: abort.signal }, [interruptAfter(2, abort), checkpoint(place)]);
    const saved = JSON.parse(decodeSafetensors(readFileSync(join(place, "checkpoint.safetensors"))).metadata.run as string);
    expect(saved.position).toMatchObject({ epoch: 2, stepInEpoch: 1 });
    expect(await part({}, [{ name: "interrupt" }, checkpoint(place, { resume: true })], 99)).toEqual(whole);
  });

  test("early stopping goes on waiting, and still knows the best weights", async () => {
    const stopping = () => earlyStopping({ patience: 3, monitor: "loss" });
    const overfit = { optimizer: undefined as never, regularizer: l2(0), epochs: 12 };
    const run = (callbacks: Callback[], extra: Partial<FitOptions> = {}) =>
      part({ ...overfit, optimizer: sgd({ learningRate: 3, momentum: 0.9 }), ...extra }, callbacks, 4);
    const [a, b] = [stopping(), stopping()];
    const whole = await run([a, { name: "interrupt" }, checkpoint(folder())]);
    const [place, abort] = [folder(), new AbortController()];
    const before = Math.min(a.bestEpoch + 1, 11);
    await run([stopping(), interruptAfter(before, abort), checkpoint(place)], { signal: abort.signal });
    expect(await run([b, { name: "interrupt" }, checkpoint(place, { resume: true })])).toEqual(whole);
    expect([b.best, b.bestEpoch]).toEqual([a.best, a.bestEpoch]);
    expect(whole.epochs.length).toBeGreaterThan(a.bestEpoch);
  });

  test("a learning rate and λ that were changed along the way are found again", async () => {
    const change = (): Callback => ({
      name: "change",
      epochEnd: (run) => {
        run.optimizer.learningRate *= 0.5;
      },
    });
    const go = (callbacks: Callback[], epochs: number) => part({ optimizer: sgd({ learningRate: 0.5 }), epochs }, callbacks);
    const whole = await go([change(), checkpoint(folder())], 6);
    const place = folder();
    await go([change(), checkpoint(place)], 3);
    expect(await go([change(), checkpoint(place, { resume: true })], 6)).toEqual(whole);
  });

  test("a finished run is left as it is", async () => {
    const place = folder();
    const whole = await part({}, [checkpoint(place)]);
    expect((await part({}, [checkpoint(place, { resume: true })], 99)).weights).toEqual(whole.weights);
  });

  test("a run that was stopped early is left as it is, unless it is given more patience", async () => {
    const run = (patience: number, place: string, resume: boolean, epochs = 12) => {
      const stopping = earlyStopping({ patience });
      const optimizer = sgd({ learningRate: 3, momentum: 0.9 });
      return part({ optimizer, regularizer: l2(0), epochs }, [stopping, checkpoint(place, { resume, every: 5 })]);
    };
    const place = folder();
    const whole = await run(2, place, false);
    expect(whole.epochs.length).toBeLessThan(12);
    expect(await run(2, place, true)).toEqual(whole);
    expect(await run(3, place, true)).toEqual(await run(3, folder(), false));
    const settle = (resume: boolean) =>
      part({ optimizer: sgd({ learningRate: 0.5 }), epochs: 50 }, [
        converged({ tolerance: 0.5, patience: 2 }),
        checkpoint(place, { resume }),
      ]);
    const still = await settle(false);
    expect(still.epochs.length).toBeLessThan(50);
    expect(await settle(true)).toEqual(still);
  });

  test("a run that reached its last epoch goes on from its last weights, not from the best ones", async () => {
    const run = (epochs: number, place: string, resume: boolean) => {
      const optimizer = sgd({ learningRate: 3, momentum: 0.9 });
      return part({ optimizer, regularizer: l2(0), epochs }, [earlyStopping({ patience: 50 }), checkpoint(place, { resume, every: 2 })]);
    };
    const place = folder();
    await run(5, place, false);
    expect(await run(8, place, true)).toEqual(await run(8, folder(), false));
  });

  test("every: only some epochs are saved, and always the last", async () => {
    const paths: number[] = [];
    await part({ epochs: 5, onEvent: (e) => e.type === "checkpoint" && paths.push(e.epoch) }, [checkpoint(folder(), { every: 2 })]);
    expect(paths).toEqual([2, 4, 5]);
  });
});

describe("refusals", () => {
  test("a checkpoint of another run is named, and the model keeps its weights", async () => {
    const place = folder();
    await part({}, [checkpoint(place)]);
    await expect(part({ batchSize: 8 }, [checkpoint(place, { resume: true })])).rejects.toThrow(
      "the checkpoint is of another run, whose numbers could not go on: batchSize differs; got 8, expected 16.",
    );
    await expect(part({}, [converged(), checkpoint(place, { resume: true })])).rejects.toThrow("other penalties or callbacks");
    await expect(part({ metrics: {} }, [checkpoint(place, { resume: true })])).rejects.toThrow("penalties or metrics differ");
    expect(() => checkpoint(undefined as never)).toThrow("checkpoint: needs the path of a folder; got undefined");
    const other = new Sequential(new Linear(3, 8), relu, new Dropout(0.3), new Linear(8, 3)).initialize(1);
    const before = other.parameters().map((p) => [...p.dataSync()]);
    await expect(
      fit(other, data, {
        loss: crossEntropy,
        optimizer: adamW({ learningRate: 0.1 }),
        regularizer: l2(1e-3),
        epochs: 6,
        batchSize: 16,
        seed: 11,
        metrics: { accuracy },
        callbacks: [checkpoint(place, { resume: true })],
      }),
    ).rejects.toThrow("has another type");
    expect(other.parameters().map((p) => [...p.dataSync()])).toEqual(before);
  });

  test("a damaged checkpoint, another file, a folder that cannot be", async () => {
    const place = folder();
    await part({ epochs: 1 }, [checkpoint(place)]);
    const path = join(place, "checkpoint.safetensors");
    writeFileSync(path, readFileSync(path).subarray(0, 500));
    await expect(part({}, [checkpoint(place, { resume: true })])).rejects.toThrow(`${path}: the file is cut short`);
    await part({ epochs: 1 }, [checkpoint(place)]);
    const { tensors, metadata } = decodeSafetensors(readFileSync(path));
    const data = JSON.parse(metadata.run as string);
    for (const damaged of [
      null,
      [],
      { ...data, position: null },
      { ...data, lambdas: "x" },
      { ...data, history: { epochs: [1], steps: [] } },
    ]) {
      writeFileSync(path, encodeSafetensors(tensors, { ...metadata, run: JSON.stringify(damaged) }));
      await expect(part({}, [checkpoint(place, { resume: true })])).rejects.toThrow("the checkpoint's metadata is damaged. Begin anew");
    }
    await saveWeights(path, new Linear(1, 1));
    await expect(part({}, [checkpoint(place, { resume: true })])).rejects.toThrow(
      "no checkpoint that this version reads; got a file without a format",
    );
    const blocked = join(place, "checkpoint.safetensors", "deeper");
    await expect(part({}, [checkpoint(blocked)])).rejects.toThrow("a part of the path is a file");
  });
});

describe("weights", () => {
  test("are saved and loaded whole, names as in the model", async () => {
    const path = join(mkdtempSync(join(tmpdir(), "downhill-")), "w.safetensors");
    const model = new Sequential(new Linear(2, 3), relu, new Linear(3, 1)).initialize(1);
    await saveWeights(path, model, { note: "mine" });
    const other = new Sequential(new Linear(2, 3), relu, new Linear(3, 1)).initialize(2);
    expect(loadWeights(path, other)).toEqual({ note: "mine" });
    expect(other.parameters().map((p) => [...p.dataSync()])).toEqual(model.parameters().map((p) => [...p.dataSync()]));
    expect([...decodeSafetensors(readFileSync(path)).tensors.keys()].sort()).toEqual([...model.variables().keys()].sort());
  });

  test("what does not fit is named, and nothing is changed", async () => {
    const place = mkdtempSync(join(tmpdir(), "downhill-"));
    const path = join(place, "w.safetensors");
    await saveWeights(path, { variables: () => new Map([["weight", variable([[1, 2]])]]) });
    const layer = new Linear(2, 1).initialize(1);
    const before = [...layer.weight.dataSync()];
    expect(() => loadWeights(path, layer)).toThrow("the file lacks bias");
    await saveWeights(path, {
      variables: () =>
        new Map([
          ["weight", variable([[1, 2]])],
          ["bias", variable([1])],
          ["more", variable([1])],
        ]),
    });
    expect(() => loadWeights(path, layer)).toThrow("the model has no more");
    await saveWeights(path, {
      variables: () =>
        new Map([
          ["weight", variable([[1], [2]])],
          ["bias", variable([1])],
        ]),
    });
    expect(() => loadWeights(path, layer)).toThrow("weight has another type; got float32[2,1], expected float32[1,2]");
    expect([...layer.weight.dataSync()]).toEqual(before);
    mkdirSync(join(place, "d"));
    expect(() => loadWeights(join(place, "d"), layer)).toThrow("it is a folder, not a file");
  });
});
