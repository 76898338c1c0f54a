// node bench/bandwidth.ts [--device native] [--threads N]: kernels that memory bounds, over data that fits no cache, as gigabytes a second
// and as a share of what a copy reaches in the same process. Bytes are those that must move: every operand once, every result once.

import { parseArgs } from "node:util";
import {
  adam,
  compile,
  type DeviceName,
  device,
  gradients,
  normal,
  setDevice,
  setThreads,
  type Tensor,
  threads,
  variable,
} from "../src/index.ts";
import { LayerNorm } from "../src/nn/index.ts";

const { values } = parseArgs({ options: { device: { type: "string", default: "native" }, threads: { type: "string" } } });
setDevice(values.device as DeviceName);
if (values.threads !== undefined) setThreads(Number(values.threads));

/** A kernel under test: one call moves so many bytes. */
interface Row {
  readonly name: string;
  readonly bytes: number;
  readonly call: () => unknown;
}

const rows = 24_576;
const width = 1024;
const size = rows * width;
const megabytes = (4 * size) / 1e6;

const x = variable(normal([rows, width]), "x");
const y = variable(normal([rows, width]), "y");
const gradient = normal([rows, width]);

const norm = new LayerNorm(width);
const parameter = variable(normal([10_000_000]), "p");
const given = normal([10_000_000]);
const optimizer = adam({ learningRate: 1e-3 });

const copy = compile((shift: Tensor) => y.assign(x.add(shift)));
const gelu = compile(() => y.assign(x.gelu()));
const forward = compile(() => y.assign(norm.forward(x)));
const backward = compile((g: Tensor) => {
  const [dx, dWeight, dBias] = gradients(norm.forward(x).mul(g).sum(), [x, norm.weight as Tensor, norm.bias as Tensor]);
  y.assign(dx as Tensor);
  return [dWeight, dBias];
});
const update = compile((g: Tensor) => {
  optimizer.minimize(parameter.mul(g).sum());
});

const table: readonly Row[] = [
  { name: "copy", bytes: 8 * size, call: () => copy(0) },
  { name: "GELU", bytes: 8 * size, call: () => gelu() },
  { name: "layer norm", bytes: 8 * size, call: () => forward() },
  { name: "layer norm, backward", bytes: 12 * size, call: () => backward(gradient) },
  { name: "Adam, 10 M parameters", bytes: 28 * parameter.size, call: () => update(given) },
];

/** Rows are timed in turns, so that what else the machine does meets all of them. */
const turns = 15;
const times = table.map((): number[] => []);
for (const { call } of table) for (let i = 0; i < 2; i++) call();
for (let turn = 0; turn < turns; turn++) {
  table.forEach(({ call }, i) => {
    const start = performance.now();
    call();
    times[i]?.push(performance.now() - start);
  });
}
const median = (list: readonly number[]) => [...list].sort((a, b) => a - b)[turns >> 1] as number;
const speed = table.map(({ bytes }, i) => bytes / median(times[i] as number[]) / 1e6);
console.log(`${device().name}, ${threads().count} threads; tensors of ${megabytes.toFixed(0)} MB`);
table.forEach(({ name }, i) => {
  const share = (100 * (speed[i] as number)) / (speed[0] as number);
  console.log(
    `${name.padEnd(24)} ${median(times[i] as number[])
      .toFixed(2)
      .padStart(8)} ms ${(speed[i] as number).toFixed(1).padStart(7)} GB/s ${share.toFixed(0).padStart(5)} %`,
  );
});
