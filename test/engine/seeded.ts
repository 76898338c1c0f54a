// A small training run in which everything random takes part: first weights, shuffling, dropout, noise. Prints what it came to
// when it is started as a program; see restart.test.ts.

import { createHash } from "node:crypto";
import {
  adam,
  compile,
  crossEntropy,
  type DeviceName,
  Dropout,
  defaultGenerator,
  Linear,
  normal,
  permutation,
  randomInteger,
  relu,
  Sequential,
  seed,
  setDevice,
  type Tensor,
} from "../../src/index.ts";

/** A digest of the losses, the weights, the optimiser's state and the generator, bit for bit. */
export function train(device: DeviceName, start: number): string {
  setDevice(device);
  try {
    seed(start);
    const model = new Sequential(new Linear(6, 16), relu, new Dropout(0.3), new Linear(16, 3));
    model.initialize(start);
    const optimizer = adam({ learningRate: 0.01 });
    const step = compile((x: Tensor, y: Tensor<"int32">) => {
      const loss = crossEntropy(model.forward(x.add(normal(x.shape, { std: 0.1 }))), y);
      optimizer.minimize(loss);
      return loss;
    });
    const [inputs, labels] = [normal([40, 6]), randomInteger([40], { high: 3 })];
    const hash = createHash("sha256");
    const add = (t: Tensor) => hash.update(new Uint8Array(t.dataSync().buffer));
    for (let epoch = 0; epoch < 3; epoch++) {
      const order = permutation(40);
      for (let i = 0; i < 40; i += 8) {
        const batch = order.slice([i, i + 8]);
        add(step(inputs.gather(batch), labels.gather(batch)));
      }
    }
    for (const parameter of model.parameters()) add(parameter);
    return `${hash.digest("hex")} ${defaultGenerator().state.dataSync().join()}`;
  } finally {
    setDevice("auto");
  }
}

if (import.meta.main) console.log(train(process.argv[2] as DeviceName, Number(process.argv[3])));
