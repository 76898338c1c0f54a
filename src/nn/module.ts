// Modules: a class with public fields and `forward`. What a module is made of is found by walking its fields, and a field's path
// is the name: `layers.0.weight`. Modes are settings, so a compiled function is never stale.

import { Setting } from "../engine/setting.ts";
import type { DType } from "../graph/dtype.ts";
import type { Shape } from "../graph/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { AnyTensor } from "../tensor/types.ts";
import type { Variable } from "../tensor/variable.ts";
import { mistake } from "../util/errors.ts";
import { checkNumber } from "../util/options.ts";
import { drawAgain, noteModule, Parameter, placeAll } from "./parameter.ts";
import { type SummaryOptions, summarize } from "./summary.ts";
import { markModule, stateOf, walk } from "./walk.ts";

/** Frozen by `freeze`, so that `unfreeze` finds them, and parameters still. */
const frozen = new WeakSet<Variable<DType>>();

/**
 * A part of a network. Write a class with public fields (parameters, variables, modules, arrays and objects of them) and
 * `forward`. The first values of parameters derive from the seed at construction (`seed(n)`) and their path, such as
 * `hidden.weight`, in the outermost module at their first use: layers added elsewhere do not change them, and two models of
 * one class begin alike unless their seeds differ.
 *
 * @example
 * class Classifier extends Module {
 *   hidden = new Linear(784, 128);
 *   output = new Linear(128, 10);
 *   forward(x: Tensor) {
 *     return this.output.forward(relu(this.hidden.forward(x)));
 *   }
 * }
 * const model = new Classifier();
 * console.log([...model.namedParameters().keys()]); // hidden.weight, hidden.bias, output.weight, output.bias
 */
export abstract class Module {
  readonly #training: Setting<boolean> = new Setting(true);

  constructor() {
    markModule(this);
    noteModule(this);
  }

  /** What the module computes. */
  abstract forward(input: AnyTensor): Tensor;

  /** Whether the module is in training mode: dropout drops. True at first. */
  get training(): boolean {
    return this.#training.value;
  }

  /** Sets training mode, here and in all modules inside. Returns the module. */
  train(mode = true): this {
    for (const module of this.modules()) module.setMode(mode);
    return this;
  }

  /** Sets the mode of this module alone; for the library. */
  setMode(training: boolean): void {
    this.#training.value = training;
  }

  /** Sets evaluation mode, here and in all modules inside. Returns the module. */
  eval(): this {
    return this.train(false);
  }

  /** Takes the parameters out of training: optimisers leave them alone. Returns the module. */
  freeze(): this {
    for (const variable of this.parameters()) {
      frozen.add(variable);
      variable.trainable = false;
    }
    return this;
  }

  /** Takes back `freeze`. Returns the module. */
  unfreeze(): this {
    for (const variable of this.variables().values()) {
      if (frozen.delete(variable)) variable.trainable = true;
    }
    return this;
  }

  /** This module and all inside it, outer ones first. */
  modules(): Module[] {
    return walk(this).modules as Module[];
  }

  /** Every variable inside by its path: parameters, and state such as running statistics. */
  variables(): Map<string, Variable<DType>> {
    placeAll();
    return walk(this).variables;
  }

  /** The trainable variables inside by their paths, frozen ones too. */
  namedParameters(): Map<string, Variable> {
    const named = new Map<string, Variable>();
    for (const [path, variable] of this.variables()) if (variable.trainable || frozen.has(variable)) named.set(path, variable as Variable);
    return named;
  }

  /** The trainable variables inside, frozen ones too, in the order of the fields. */
  parameters(): Variable[] {
    return [...this.namedParameters().values()];
  }

  /**
   * The name that a field's path, such as `runningMean`, has in PyTorch's state dict; "" leaves it out of the names of what is
   * inside. Layers whose names differ override it.
   */
  stateName(path: string): string {
    return path;
  }

  /**
   * Every variable inside by its name in PyTorch's state dict (`layer.0.running_mean`): files of weights may use these names or
   * those of `variables()`. A shared variable stands under all of its names.
   */
  stateDict(): Map<string, Variable<DType>> {
    placeAll();
    return stateOf(this);
  }

  /**
   * The modules as a table: output shapes, parameters, and multiply-adds of products and convolutions (in evaluation mode; nothing
   * is computed).
   *
   * @param inputShape with the batch, such as [1, 28, 28]
   * @param options `dtype` of the input, default float32
   * @example
   * console.log(new Sequential(new Linear(784, 128), relu, new Linear(128, 10)).summary([1, 784]));
   */
  summary(inputShape: Shape, options: SummaryOptions = {}): string {
    return summarize(this, inputShape, options);
  }

  /** Number of trainable numbers inside. */
  parameterCount(): number {
    return this.parameters().reduce((sum, p) => sum + p.size, 0);
  }

  /**
   * Draws the first values again, from a seed and each parameter's path here. Returns the module.
   *
   * @example
   * const a = new Linear(2, 3).initialize(1);
   * const b = new Linear(2, 3).initialize(1); // the same weights
   */
  initialize(seed: number): this {
    checkNumber("initialize", "seed", seed, { least: 0, integer: true });
    const parameters = new Map<string, Parameter>();
    for (const [path, variable] of this.variables()) if (variable instanceof Parameter) parameters.set(path, variable);
    drawAgain(parameters, seed);
    return this;
  }
}

/** What a layer is: a module, or a plain function such as `relu`. */
// A method's parameters are compared both ways, so that a function of one kind of tensor is a layer too.
export type Layer = Module | { call(input: AnyTensor): AnyTensor }["call"];

/** Applies a layer of either kind. */
export function applyLayer(where: string, layer: Layer, input: AnyTensor): AnyTensor {
  if (layer instanceof Module) return layer.forward(input);
  if (typeof layer === "function") return layer(input);
  throw mistake("OPTION", { where, problem: "a layer is a module or a function", got: layer });
}
