// LeNet-5 (LeCun 1998) with ReLU and max pooling, on 28×28 images padded by 2.

import { Linear, Module, relu, type Tensor } from "../../src/index.ts";
import { Conv2d, maxPool2d } from "../../src/nn/index.ts";

export class LeNet extends Module {
  readonly conv1: Conv2d = new Conv2d(1, 6, 5, { padding: 2 });
  readonly conv2: Conv2d = new Conv2d(6, 16, 5);
  readonly fc1: Linear = new Linear(400, 120);
  readonly fc2: Linear = new Linear(120, 84);
  readonly fc3: Linear = new Linear(84, 10);

  /** @param x images, [batch, 1, 28, 28] */
  forward(x: Tensor): Tensor {
    const first = maxPool2d(relu(this.conv1.forward(x)), 2);
    const second = maxPool2d(relu(this.conv2.forward(first)), 2).flatten(1);
    return this.fc3.forward(relu(this.fc2.forward(relu(this.fc1.forward(second)))));
  }
}
