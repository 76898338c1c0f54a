// Recurrent layers: what depends on the input alone is one product over all steps; the rest is a scan, whose body is compiled once.
// Gates stand in PyTorch's order and weights have its layouts, so its state dicts load.

import { sameShape, showShape } from "../graph/shape.ts";
import { scan } from "../tensor/control.ts";
import { zeros } from "../tensor/create.ts";
import { where as select } from "../tensor/elementwise.ts";
import { concat, stack } from "../tensor/move.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { AnyTensor } from "../tensor/types.ts";
import { mistake } from "../util/errors.ts";
import { checkNames, checkNumber } from "../util/options.ts";
import { Dropout } from "./dropout.ts";
import { uniformInitializer } from "./initialize.ts";
import { Module } from "./module.ts";
import { type Parameter, parameter } from "./parameter.ts";

export interface RecurrentOptions {
  /** Layers one above the other. Default 1. */
  readonly layers?: number;
  /** Also runs from the last step to the first, and joins both along the features. Default false. */
  readonly bidirectional?: boolean;
  /** Default true. */
  readonly bias?: boolean;
  /** Dropout between layers. Default 0. */
  readonly dropout?: number;
}

export interface SequenceOptions {
  /**
   * [batch, steps]: false where a sequence is padded. There the state stays what it was and the output is 0, so that the backward
   * direction begins at a sequence's own end, as with PyTorch's packed sequences.
   */
  readonly mask?: Tensor<"bool"> | null;
}

/** The weights of one direction of one layer, gates one behind the other along axis 0. */
interface Weights {
  /** [gates · hidden, inputs] */
  readonly input: Parameter;
  /** [gates · hidden, hidden] */
  readonly hidden: Parameter;
  readonly inputBias: Parameter | null;
  readonly hiddenBias: Parameter | null;
}

/** PyTorch's names of the parts of `Weights`. */
const fileNames: Readonly<Record<string, string>> = {
  input: "weight_ih",
  hidden: "weight_hh",
  inputBias: "bias_ih",
  hiddenBias: "bias_hh",
};

/** The carry of a scan: the hidden state, and for LSTM the cell. */
type Carry = readonly Tensor[];

/** Outputs of every step and the last state, whose parts are [layers · directions, batch, hidden]. */
interface Ran {
  readonly outputs: Tensor;
  readonly state: Carry;
}

abstract class Recurrent extends Module {
  readonly inputs: number;
  readonly hidden: number;
  readonly bidirectional: boolean;
  /** For each layer the forward direction's weights and, where there is one, the backward direction's. */
  readonly layers: readonly (readonly Weights[])[];
  readonly dropout: Dropout;

  constructor(where: string, gates: number, inputs: number, hidden: number, options: RecurrentOptions) {
    super();
    this.inputs = checkNumber(where, "inputs", inputs, { least: 1, integer: true });
    this.hidden = checkNumber(where, "hidden", hidden, { least: 1, integer: true });
    const count = checkNumber(where, "layers", options.layers ?? 1, { least: 1, integer: true });
    this.bidirectional = options.bidirectional === true;
    const limit = 1 / Math.sqrt(hidden);
    const draw = uniformInitializer({ low: -limit, high: limit });
    const bias = () => (options.bias === false ? null : parameter([gates * hidden], draw, { penalized: false }));
    const directions = this.bidirectional ? 2 : 1;
    const weights = (size: number): Weights => ({
      input: parameter([gates * hidden, size], draw),
      hidden: parameter([gates * hidden, hidden], draw),
      inputBias: bias(),
      hiddenBias: bias(),
    });
    this.layers = Array.from({ length: count }, (_, i) =>
      Array.from({ length: directions }, () => weights(i === 0 ? inputs : hidden * directions)),
    );
    this.dropout = new Dropout(options.dropout ?? 0);
  }

  override stateName(path: string): string {
    const [, layer, direction, part] = path.split(".");
    const name = part === undefined ? undefined : fileNames[part];
    return name === undefined ? path : `${name}_l${layer}${direction === "1" ? "_reverse" : ""}`;
  }

  /** The next carry from a step's projected input. */
  protected abstract step(projected: Tensor, carry: Carry, weights: Weights): Carry;

  /** What of the hidden bias can be added to the input's projection, outside the loop. */
  protected outerBias(weights: Weights): Tensor | null {
    const { inputBias, hiddenBias } = weights;
    return inputBias === null ? null : (inputBias.add(hiddenBias as Parameter) as Tensor);
  }

  protected checkInput(x: Tensor): void {
    if (x.rank === 3 && x.shape[2] === this.inputs) return;
    throw mistake("SHAPE", {
      where: `${this.constructor.name}(${this.inputs}, ${this.hidden})`,
      problem: "the input has the wrong shape",
      got: showShape(x.shape),
      expected: `[batch, steps, ${this.inputs}]`,
    });
  }

  /** The mask with the steps first, [steps, batch, 1]. */
  private stepsOf(x: Tensor, options: SequenceOptions): Tensor<"bool"> | null {
    const where = `${this.constructor.name}(${this.inputs}, ${this.hidden})`;
    checkNames(where, options, ["mask"]);
    const { mask = null } = options;
    if (mask === null) return null;
    if (mask.dtype === "bool" && sameShape(mask.shape, x.shape.slice(0, 2))) return mask.transpose().unsqueeze(-1) as Tensor<"bool">;
    throw mistake("SHAPE", {
      where,
      problem: "the mask does not fit the input",
      got: `${mask.dtype}${showShape(mask.shape)}`,
      expected: `bool${showShape(x.shape.slice(0, 2))}`,
    });
  }

  /** [layers · directions, batch, hidden] of zeros, or what was given, checked. */
  protected stateOf(x: Tensor, name: string, given: Tensor | undefined): Tensor {
    const shape = [this.layers.length * (this.bidirectional ? 2 : 1), x.shape[0] as number, this.hidden];
    if (given === undefined) return zeros(shape);
    if (sameShape(given.shape, shape)) return given;
    throw mistake("SHAPE", {
      where: `${this.constructor.name}(${this.inputs}, ${this.hidden})`,
      problem: `the ${name} state has the wrong shape`,
      got: showShape(given.shape),
      expected: showShape(shape),
    });
  }

  /** Goes through all layers. `initial` holds the parts of the state. */
  protected unroll(x: Tensor, initial: Carry, options: SequenceOptions): Ran {
    const mask = this.stepsOf(x, options);
    let sequence = x.transpose(0, 1);
    const last: Tensor[][] = initial.map(() => []);
    this.layers.forEach((directions, layer) => {
      const input = layer === 0 ? sequence : this.dropout.forward(sequence);
      const outputs = directions.map((weights, direction) => {
        const bias = this.outerBias(weights);
        const product = input.matmul(weights.input.transpose());
        const projected = (bias === null ? product : product.add(bias)) as Tensor;
        const start = initial.map((part) => part.at(layer * directions.length + direction));
        const [end, hidden] = scan(
          (carry: Carry, [slice, valid]: readonly Tensor[]) => {
            const next = this.step(slice as Tensor, carry, weights);
            if (valid === undefined) return [next, next[0] as Tensor] as const;
            const kept = (part: Tensor, otherwise: Tensor | number) =>
              select(valid as AnyTensor as Tensor<"bool">, part, otherwise) as Tensor;
            return [next.map((part, i) => kept(part, carry[i] as Tensor)), kept(next[0] as Tensor, 0)] as const;
          },
          start as Carry,
          (mask === null ? [projected] : [projected, mask]) as readonly Tensor[],
          { reverse: direction === 1 },
        );
        end.forEach((part, i) => {
          last[i]?.push(part);
        });
        return hidden as Tensor;
      });
      sequence = outputs.length === 1 ? (outputs[0] as Tensor) : concat(outputs, -1);
    });
    return { outputs: sequence.transpose(0, 1), state: last.map((parts) => stack(parts)) };
  }
}

const names = ["layers", "bidirectional", "bias", "dropout"];

/** A sequence's outputs and the last state. */
export interface HiddenState {
  /** [batch, steps, hidden · directions] */
  readonly outputs: Tensor;
  /** [layers · directions, batch, hidden] */
  readonly hidden: Tensor;
}

export interface RnnOptions extends RecurrentOptions {
  /** Default tanh. */
  readonly activation?: "tanh" | "relu";
}

/** What networks share whose state is their output alone. */
abstract class OneState extends Recurrent {
  /** The outputs of every step, [batch, steps, hidden · directions], from [batch, steps, inputs]. */
  forward(x: Tensor, options: SequenceOptions = {}): Tensor {
    return this.run(x, undefined, options).outputs;
  }

  /** Goes on from a state, and returns the last one too. */
  run(x: Tensor, hidden?: Tensor, options: SequenceOptions = {}): HiddenState {
    this.checkInput(x);
    const { outputs, state } = this.unroll(x, [this.stateOf(x, "hidden", hidden)], options);
    return { outputs, hidden: state[0] as Tensor };
  }
}

/**
 * A plain recurrent network: h′ = tanh(W x + b + U h + c).
 *
 * @example
 * const layer = new RNN(8, 32, { layers: 2 });
 * console.log(layer.forward(zeros([4, 10, 8])).shape); // [ 4, 10, 32 ]
 * Source: Elman 1990, "Finding structure in time".
 */
export class RNN extends OneState {
  readonly activation: "tanh" | "relu";

  /** @throws UserError `OPTION` for sizes that are not positive integers */
  constructor(inputs: number, hidden: number, options: RnnOptions = {}) {
    super("RNN", 1, inputs, hidden, options);
    checkNames("RNN", options, [...names, "activation"]);
    const { activation = "tanh" } = options;
    if (activation !== "tanh" && activation !== "relu")
      throw mistake("OPTION", { where: "RNN", problem: "unknown activation", got: activation, expected: "tanh or relu" });
    this.activation = activation;
  }

  protected override step(projected: Tensor, [h]: Carry, { hidden }: Weights): Carry {
    const z = projected.add((h as Tensor).matmul(hidden.transpose())) as Tensor;
    return [this.activation === "tanh" ? z.tanh() : z.relu()];
  }
}

/**
 * Gated recurrent units: r = σ(…), z = σ(…), n = tanh(W x + b + r · (U h + c)), h′ = (1 − z) n + z h.
 *
 * @example
 * const layer = new GRU(8, 32);
 * console.log(layer.forward(zeros([4, 10, 8])).shape); // [ 4, 10, 32 ]
 * Source: Cho et al. 2014, arXiv 1406.1078.
 */
export class GRU extends OneState {
  /** @throws UserError `OPTION` for sizes that are not positive integers */
  constructor(inputs: number, hidden: number, options: RecurrentOptions = {}) {
    super("GRU", 3, inputs, hidden, options);
    checkNames("GRU", options, names);
  }

  /** The hidden bias of n is inside its gate. */
  protected override outerBias({ inputBias }: Weights): Tensor | null {
    return inputBias;
  }

  protected override step(projected: Tensor, [h]: Carry, { hidden, hiddenBias }: Weights): Carry {
    const before = h as Tensor;
    const product = before.matmul(hidden.transpose());
    const own = (hiddenBias === null ? product : product.add(hiddenBias)) as Tensor;
    const [xr, xz, xn] = projected.split(3, -1) as [Tensor, Tensor, Tensor];
    const [hr, hz, hn] = own.split(3, -1) as [Tensor, Tensor, Tensor];
    const r = xr.add(hr).sigmoid();
    const z = xz.add(hz).sigmoid();
    const n = xn.add(r.mul(hn)).tanh();
    return [n.add(z.mul(before.sub(n))) as Tensor];
  }
}

/** Outputs and both parts of an LSTM's last state. */
export interface LstmState extends HiddenState {
  /** [layers · directions, batch, hidden] */
  readonly cell: Tensor;
}

/**
 * Long short-term memory: gates i, f, o = σ(…), g = tanh(…); c′ = f c + i g, h′ = o tanh c′.
 *
 * @example
 * const layer = new LSTM(8, 32, { bidirectional: true });
 * console.log(layer.forward(zeros([4, 10, 8])).shape); // [ 4, 10, 64 ]
 * Source: Hochreiter and Schmidhuber 1997; with forget gates, Gers, Schmidhuber, Cummins 2000.
 */
export class LSTM extends Recurrent {
  /** @throws UserError `OPTION` for sizes that are not positive integers */
  constructor(inputs: number, hidden: number, options: RecurrentOptions = {}) {
    super("LSTM", 4, inputs, hidden, options);
    checkNames("LSTM", options, names);
  }

  /** The outputs of every step, [batch, steps, hidden · directions], from [batch, steps, inputs]. */
  forward(x: Tensor, options: SequenceOptions = {}): Tensor {
    return this.run(x, undefined, options).outputs;
  }

  /** Goes on from a state, and returns the last one too. */
  run(x: Tensor, initial: { readonly hidden?: Tensor; readonly cell?: Tensor } = {}, options: SequenceOptions = {}): LstmState {
    this.checkInput(x);
    const start = [this.stateOf(x, "hidden", initial.hidden), this.stateOf(x, "cell", initial.cell)];
    const { outputs, state } = this.unroll(x, start, options);
    return { outputs, hidden: state[0] as Tensor, cell: state[1] as Tensor };
  }

  protected override step(projected: Tensor, [h, c]: Carry, { hidden }: Weights): Carry {
    const z = projected.add((h as Tensor).matmul(hidden.transpose())) as Tensor;
    const [i, f, g, o] = z.split(4, -1) as [Tensor, Tensor, Tensor, Tensor];
    const cell = f
      .sigmoid()
      .mul(c as Tensor)
      .add(i.sigmoid().mul(g.tanh())) as Tensor;
    return [o.sigmoid().mul(cell.tanh()) as Tensor, cell];
  }
}
