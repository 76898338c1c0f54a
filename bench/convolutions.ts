// node bench/convolutions.ts [--device native] [pattern]: convolutions of common networks on one thread, forward and both gradients, in GFLOP/s of the multiply-adds that the definition asks for, and as a share of those that registers alone allow.

import { type Compiled, compile, gradients, normal, setDevice, type Tensor } from "../src/index.ts";
import { conv2d } from "../src/nn/functional.ts";
import { clock } from "./clock.ts";
import { device, pattern, peak } from "./kernel.ts";

interface Case {
  readonly name: string;
  readonly batch: number;
  readonly inputs: number;
  readonly outputs: number;
  readonly size: number;
  readonly kernel: number;
  readonly stride?: number;
  readonly groups?: number;
}

const cases: readonly Case[] = [
  { name: "3×3 first layer", batch: 16, inputs: 3, outputs: 32, size: 32, kernel: 3 },
  { name: "3×3", batch: 16, inputs: 16, outputs: 16, size: 32, kernel: 3 },
  { name: "3×3", batch: 16, inputs: 64, outputs: 64, size: 16, kernel: 3 },
  { name: "3×3", batch: 16, inputs: 128, outputs: 128, size: 8, kernel: 3 },
  { name: "3×3", batch: 8, inputs: 256, outputs: 256, size: 7, kernel: 3 },
  { name: "3×3 stride 2", batch: 16, inputs: 16, outputs: 32, size: 32, kernel: 3, stride: 2 },
  { name: "3×3 stride 2", batch: 16, inputs: 64, outputs: 128, size: 16, kernel: 3, stride: 2 },
  { name: "5×5", batch: 16, inputs: 32, outputs: 64, size: 14, kernel: 5 },
  { name: "7×7 stride 2", batch: 2, inputs: 3, outputs: 64, size: 112, kernel: 7, stride: 2 },
  { name: "1×1", batch: 16, inputs: 64, outputs: 128, size: 16, kernel: 1 },
  { name: "1×1", batch: 16, inputs: 256, outputs: 64, size: 8, kernel: 1 },
  { name: "1×1 stride 2", batch: 16, inputs: 32, outputs: 64, size: 32, kernel: 1, stride: 2 },
  { name: "3×3 depthwise", batch: 8, inputs: 64, outputs: 64, size: 32, kernel: 3, groups: 64 },
  { name: "3×3 depthwise stride 2", batch: 8, inputs: 64, outputs: 64, size: 32, kernel: 3, stride: 2, groups: 64 },
  { name: "3×3 in 4 groups", batch: 16, inputs: 64, outputs: 64, size: 16, kernel: 3, groups: 4 },
];

/** Least seconds of a call that runs the function several times. */
function time(run: Compiled<Tensor[], Tensor>, operands: Tensor[]): number {
  const once = (count: number) => {
    const start = clock();
    run.repeat(count, operands).dispose();
    return (clock() - start) / count;
  };
  once(1);
  const count = Math.max(1, Math.min(200, Math.ceil(0.02 / once(2))));
  let least = Infinity;
  for (let i = 0; i < 12; i++) least = Math.min(least, once(count));
  return least;
}

setDevice(device.name as "wasm" | "native");
const most = peak();
console.log(`multiply-add on registers only: ${most.toFixed(1)} GFLOP/s`);
for (const { name, batch, inputs, outputs, size, kernel, stride = 1, groups = 1 } of cases) {
  const title = `${name}, ${inputs}→${outputs} on ${batch}×${size}×${size}`;
  if (!pattern.test(title)) continue;
  const x = normal([batch, inputs, size, size]);
  const w = normal([outputs, inputs / groups, kernel, kernel]);
  const convolve = (x: Tensor, w: Tensor) => conv2d(x, w, { stride, groups, padding: kernel >> 1 });
  const y = convolve(x, w);
  const g = normal(y.shape);
  const gradient = (of: 0 | 1) =>
    compile((...[x, w, g]: Tensor[]) => {
      const loss = convolve(x as Tensor, w as Tensor).mul(g as Tensor);
      return gradients(loss.sum(), [[x, w][of] as Tensor])[0] as Tensor;
    });
  const flops = 2 * y.size * (inputs / groups) * kernel * kernel;
  const figure = (seconds: number) => {
    const speed = flops / seconds / 1e9;
    return `${(seconds * 1e3).toFixed(2).padStart(7)} ms ${speed.toFixed(1).padStart(5)} (${((100 * speed) / most).toFixed(0).padStart(3)} %)`;
  };
  const forward = compile((...[x, w]: Tensor[]) => convolve(x as Tensor, w as Tensor));
  const rows = [time(forward, [x, w]), time(gradient(0), [x, w, g]), time(gradient(1), [x, w, g])];
  console.log(`${title.padEnd(48)} ${rows.map(figure).join("   ")}`);
}
