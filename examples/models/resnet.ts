// ResNet-8 for 32×32 images (He 2015, as in the TinyMLPerf benchmark): a stem of 16, blocks of 16, 32 and 64 channels, the last two halving
// the image, and a global average.

import { Linear, Module, relu, type Tensor } from "../../src/index.ts";
import { BatchNorm2d, Conv2d } from "../../src/nn/index.ts";

class Block extends Module {
  readonly c1: Conv2d;
  readonly n1: BatchNorm2d;
  readonly c2: Conv2d;
  readonly n2: BatchNorm2d;
  readonly skip: Conv2d | null;

  constructor(inputs: number, outputs: number, stride: number) {
    super();
    this.c1 = new Conv2d(inputs, outputs, 3, { stride, padding: 1, bias: false });
    this.n1 = new BatchNorm2d(outputs);
    this.c2 = new Conv2d(outputs, outputs, 3, { padding: 1, bias: false });
    this.n2 = new BatchNorm2d(outputs);
    this.skip = inputs === outputs ? null : new Conv2d(inputs, outputs, 1, { stride, bias: false });
  }

  forward(x: Tensor): Tensor {
    const inside = this.n2.forward(this.c2.forward(relu(this.n1.forward(this.c1.forward(x)))));
    return relu(inside.add(this.skip === null ? x : this.skip.forward(x)));
  }
}

export class ResNet8 extends Module {
  readonly stem: Conv2d = new Conv2d(3, 16, 3, { padding: 1, bias: false });
  readonly norm: BatchNorm2d = new BatchNorm2d(16);
  readonly block1: Block = new Block(16, 16, 1);
  readonly block2: Block = new Block(16, 32, 2);
  readonly block3: Block = new Block(32, 64, 2);
  readonly head: Linear = new Linear(64, 10);

  /** @param x images, [batch, 3, 32, 32] */
  forward(x: Tensor): Tensor {
    const start = relu(this.norm.forward(this.stem.forward(x)));
    const end = this.block3.forward(this.block2.forward(this.block1.forward(start)));
    return this.head.forward(end.mean([2, 3]));
  }
}
