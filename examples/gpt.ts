// A character model of the GPT kind on a text, with the settings that nanoGPT publishes for a CPU (4 layers, 4 heads, width 128,
// blocks of 64, batches of 12, 2,000 iterations of AdamW; validation loss 1.88 on tinyshakespeare).
//
//   node examples/gpt.ts [--text FILE] [--steps 2000] [--seed 1] [--device auto] [--sample 300]
//
// The text lies on the device, and each step cuts its batch out there, so hundreds of steps are one call. Blocks are drawn without
// putting them back: where nanoGPT draws at random, a fifth of the text would not be seen in 2,000 iterations.

import { existsSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import {
  arange,
  chain,
  clipByGlobalNorm,
  compile,
  crossEntropy,
  type DeviceName,
  device,
  fold,
  Linear,
  Module,
  normal,
  Optimizer,
  permutation,
  randomInteger,
  type Schedule,
  scaleByAdam,
  scaleByLearningRate,
  seed,
  setDevice,
  type Tensor,
  tensor,
  uniform,
} from "../src/index.ts";
import { Embedding, LayerNorm, TransformerEncoder, TransformerEncoderLayer } from "../src/nn/index.ts";
import { stateless } from "../src/optim/index.ts";

const { values } = parseArgs({
  options: {
    text: { type: "string" },
    steps: { type: "string", default: "2000" },
    seed: { type: "string", default: "1" },
    device: { type: "string", default: "auto" },
    sample: { type: "string", default: "300" },
  },
});

const [layers, heads, width, block, batch] = [4, 4, 128, 64, 12];
const steps = Number(values.steps);
const every = Math.min(250, steps);
setDevice(values.device as DeviceName | "auto");
seed(Number(values.seed));

// ---- Text: characters as indices, the first nine tenths for training

const shakespeare = new URL("../../shared/data/tinyshakespeare.txt", import.meta.url);
const path = values.text ?? (existsSync(shakespeare) ? shakespeare : new URL("../README.md", import.meta.url));
const text = readFileSync(path, "utf8");
const characters = [...new Set(text)].sort();
const indexOf = new Map(characters.map((c, i) => [c, i]));
const encode = (s: string) => Int32Array.from(s, (c) => indexOf.get(c) ?? 0);
const cut = Math.floor(text.length * 0.9);
const training = tensor(encode(text.slice(0, cut)), { dtype: "int32" });
const validation = encode(text.slice(cut));

// ---- Model: the head has the token embedding's weight, and nothing has a bias

class Gpt extends Module {
  readonly tokens: Embedding = new Embedding(characters.length, width);
  readonly places: Embedding = new Embedding(block, width);
  readonly body: TransformerEncoder = new TransformerEncoder(
    Array.from(
      { length: layers },
      () => new TransformerEncoderLayer(width, heads, { hidden: 4 * width, activation: "gelu", normFirst: true, dropout: 0, bias: false }),
    ),
    new LayerNorm(width, { bias: false }),
  );
  readonly head: Linear = new Linear(width, characters.length, { weight: this.tokens.weight, bias: false });

  forward(x: Tensor<"int32">): Tensor {
    const embedded = this.tokens.forward(x).add(this.places.forward(arange(x.shape[1] as number)));
    return this.head.forward(this.body.forward(embedded, { causal: true }));
  }
}

const model = new Gpt();
// What ends a residual branch starts smaller, so that the sum over the layers does not grow.
for (const [name, p] of model.namedParameters()) {
  if (p.rank < 2) continue;
  const std = /output|linear2/.test(name) ? 0.02 / Math.sqrt(2 * layers) : 0.02;
  p.assign(normal(p.shape, { std, seed: fold(Number(values.seed), name) }));
}

// ---- Training

const warm = Math.min(100, steps);
const rate: Schedule = ({ step }) => {
  const rising = step.add(1).mul(1e-3 / (warm + 1));
  const progress = step
    .sub(warm)
    .div(Math.max(1, steps - warm))
    .clamp(0, 1);
  const falling = progress.mul(Math.PI).cos().add(1).mul(4.5e-4).add(1e-4);
  return step.lt(warm).where(rising, falling) as Tensor<"float64">;
};
/** Decoupled weight decay of matrices alone. */
const decay = stateless((gradients, { parameters }) =>
  gradients.map((g, i) => ((parameters[i] as Tensor).rank < 2 ? g : g.add((parameters[i] as Tensor).mul(0.1)))),
);
const optimizer = new Optimizer(chain(clipByGlobalNorm(1), scaleByAdam({ beta1: 0.9, beta2: 0.99 }), decay, scaleByLearningRate(rate)));

const train = compile((characters: Tensor<"int32">, starts: Tensor<"int32">) => {
  const rows = characters.gather(starts.unsqueeze(1).add(arange(block + 1)));
  const loss = crossEntropy(model.forward(rows.slice(null, [0, block])), rows.slice(null, [1, null]));
  optimizer.minimize(loss);
  return loss;
});

/**
 * Where the blocks of some steps begin. The text is parted into as many strata as a batch has blocks, and each batch takes one block of
 * each; every part of the text comes once in random order, then all of it again, cut elsewhere.
 */
function startsOf(count: number): Tensor<"int32"> {
  const starts = new Int32Array(count * batch);
  const room = training.size - block;
  for (let done = 0; done < count; ) {
    const shift = randomInteger([], { high: Math.min(block, room) }).itemSync();
    const rows = Math.max(1, Math.floor((room - shift) / block / batch));
    const orders = Array.from({ length: batch }, () => permutation(rows).dataSync());
    for (let i = 0; i < rows && done < count; i++, done++) {
      orders.forEach((order, stratum) => {
        starts[done * batch + stratum] = Math.min(room, shift + (stratum * rows + (order[i] as number)) * block);
      });
    }
  }
  return tensor(starts, { shape: [count, batch] });
}
const starts = startsOf(steps);

const evaluate = compile((x: Tensor<"int32">, y: Tensor<"int32">) => crossEntropy(model.forward(x), y, { reduction: "sum" }));

/** The mean loss of every character of the validation split but the first, in blocks that do not overlap. */
async function validate(): Promise<number> {
  const total = validation.length - 1;
  let sum = 0;
  for (let at = 0; at < total; ) {
    const rows = Math.max(1, Math.min(64, Math.floor((total - at) / block)));
    const columns = Math.min(block, total - at);
    const part = (from: number) => tensor(validation.slice(from, from + rows * columns), { shape: [rows, columns], dtype: "int32" });
    sum += await evaluate(part(at), part(at + 1)).item();
    at += rows * columns;
  }
  return sum / total;
}

const seenBefore = block / 2;
const evaluateEnds = compile((x: Tensor<"int32">, y: Tensor<"int32">) =>
  crossEntropy(model.forward(x), y, { reduction: "none" }).slice(null, [seenBefore, null]).sum(),
);

/** The same over blocks that overlap by half, of which the second half counts: at least so many characters stand before each. */
async function validateEnds(): Promise<number> {
  const step = block - seenBefore;
  const count = Math.floor((validation.length - 1 - seenBefore) / step);
  let sum = 0;
  for (let first = 0; first < count; first += 64) {
    const rows = Math.min(64, count - first);
    const part = (shift: number) => {
      const values = new Int32Array(rows * block);
      for (let row = 0; row < rows; row++) {
        const start = (first + row) * step + shift;
        values.set(validation.subarray(start, start + block), row * block);
      }
      return tensor(values, { shape: [rows, block] });
    };
    sum += await evaluateEnds(part(0), part(1)).item();
  }
  return sum / (count * step);
}

const logits = compile((x: Tensor<"int32">) => model.forward(x).softmax());

/** Goes on with a text, character by character. */
async function generate(start: string, count: number): Promise<string> {
  let result = start;
  for (let i = 0; i < count; i++) {
    const seen = encode(result.slice(-block));
    const padded = new Int32Array(block);
    padded.set(seen);
    const all = await logits(tensor(padded, { shape: [1, block], dtype: "int32" })).data();
    const row = all.slice((seen.length - 1) * characters.length, seen.length * characters.length);
    let left = await uniform([]).item();
    let chosen = 0;
    for (; chosen < row.length - 1; chosen++) {
      left -= row[chosen] as number;
      if (left < 0) break;
    }
    result += characters[chosen];
  }
  return result;
}

console.log(`${text.length} characters, ${characters.length} different; ${model.parameterCount()} parameters; ${device().name}`);
const begin = performance.now();
for (let done = 0; done < steps; ) {
  const count = Math.min(every, steps - done);
  const losses = await train.repeat(count, [training, starts.slice([done, done + count])], { sliced: [1] }).data();
  done += count;
  const loss = await validate();
  const seconds = (performance.now() - begin) / 1000;
  console.log(
    `step ${done}: training loss ${(losses.at(-1) as number).toFixed(4)}, validation loss ${loss.toFixed(4)}, ${seconds.toFixed(0)} s`,
  );
}
if (validation.length > 2 * block)
  console.log(`validation loss of characters with at least ${seenBefore} before them: ${(await validateEnds()).toFixed(4)}`);
if (Number(values.sample) > 0) console.log(await generate("\n", Number(values.sample)));
