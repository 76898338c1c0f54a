// A character model with an LSTM: reads a text in order, keeps its state from block to block, and then goes on writing.
//
//   node examples/lstm.ts [--text FILE] [--steps 1000] [--seed 1] [--device auto] [--sample 200]
//
// The loop over the characters of a block is a scan: its body is compiled once, and gradients go through it. The state is a pair of
// variables that the compiled step reads and assigns.

import { existsSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import {
  adam,
  compile,
  crossEntropy,
  type DeviceName,
  device,
  Linear,
  Module,
  seed,
  setDevice,
  type Tensor,
  tensor,
  uniform,
  variable,
  zeros,
} from "../src/index.ts";
import { Embedding, LSTM, type LstmState } from "../src/nn/index.ts";

const { values } = parseArgs({
  options: {
    text: { type: "string" },
    steps: { type: "string", default: "1000" },
    seed: { type: "string", default: "1" },
    device: { type: "string", default: "auto" },
    sample: { type: "string", default: "200" },
  },
});
setDevice(values.device as DeviceName | "auto");
seed(Number(values.seed));
const [batch, block, hidden] = [16, 32, 128];

const shakespeare = new URL("../../shared/data/tinyshakespeare.txt", import.meta.url);
const path = values.text ?? (existsSync(shakespeare) ? shakespeare : new URL("../README.md", import.meta.url));
const text = readFileSync(path, "utf8");
const characters = [...new Set(text)].sort();
const codes = Int32Array.from(text, (c) => characters.indexOf(c));

class CharacterModel extends Module {
  readonly embedding: Embedding = new Embedding(characters.length, 32);
  readonly lstm: LSTM = new LSTM(32, hidden);
  readonly output: Linear = new Linear(hidden, characters.length);

  forward(x: Tensor<"int32">): Tensor {
    return this.run(x).logits;
  }

  run(x: Tensor<"int32">, state?: Pick<LstmState, "hidden" | "cell">): { logits: Tensor; state: LstmState } {
    const next = this.lstm.run(this.embedding.forward(x), state);
    return { logits: this.output.forward(next.outputs), state: next };
  }
}

const model = new CharacterModel();
const optimizer = adam({ learningRate: 3e-3, maxNorm: 1 });

/** Reads a block after the one before: row i of the batch goes through its own part of the text. */
const memory = {
  hidden: variable(zeros([1, batch, hidden]), { trainable: false }),
  cell: variable(zeros([1, batch, hidden]), { trainable: false }),
};
const train = compile((x: Tensor<"int32">, y: Tensor<"int32">) => {
  const { logits, state } = model.run(x, memory);
  const loss = crossEntropy(logits, y);
  optimizer.minimize(loss);
  memory.hidden.assign(state.hidden);
  memory.cell.assign(state.cell);
  return loss;
});

const part = Math.floor((codes.length - 1) / batch);
const blocks = Math.max(1, Math.floor(part / block));

/** Block i of every row, from a shift of 0 (inputs) or 1 (targets). */
function cut(i: number, shift: number): Tensor<"int32"> {
  const rows = new Int32Array(batch * block);
  for (let row = 0; row < batch; row++) {
    const start = row * part + (i % blocks) * block + shift;
    rows.set(codes.subarray(start, start + block), row * block);
  }
  return tensor(rows, { shape: [batch, block] });
}

const next = compile((x: Tensor<"int32">, hiddenState: Tensor, cell: Tensor) => {
  const { logits, state } = model.run(x, { hidden: hiddenState, cell });
  return { probabilities: logits.reshape([characters.length]).softmax(), hidden: state.hidden, cell: state.cell };
});

/** Goes on from the first character of the text, one at a time, each with the state of the last. */
async function generate(count: number): Promise<string> {
  let state: { hidden: Tensor; cell: Tensor } = { hidden: zeros([1, 1, hidden]), cell: zeros([1, 1, hidden]) };
  let code = codes[0] as number;
  let result = characters[code] as string;
  for (let i = 0; i < count; i++) {
    const { probabilities, ...after } = next(tensor(Int32Array.of(code), { shape: [1, 1] }), state.hidden, state.cell);
    state = after;
    const row = await probabilities.data();
    let left = await uniform([]).item();
    code = 0;
    for (; code < row.length - 1; code++) {
      left -= row[code] as number;
      if (left < 0) break;
    }
    result += characters[code];
  }
  return result;
}

const steps = Number(values.steps);
console.log(`${text.length} characters, ${characters.length} different; ${model.parameterCount()} parameters; ${device().name}`);
let sum = 0;
const every = Math.min(100, steps);
for (let i = 0; i < steps; i++) {
  if (i % blocks === 0) for (const v of [memory.hidden, memory.cell]) v.assign(zeros(v.shape));
  sum += await train(cut(i, 0), cut(i, 1)).item();
  if ((i + 1) % every !== 0) continue;
  console.log(`step ${i + 1}: loss ${(sum / every).toFixed(4)}`);
  sum = 0;
}
if (Number(values.sample) > 0) console.log(await generate(Number(values.sample)));
