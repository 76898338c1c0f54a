// An optimiser: a gradient transform, and the variables that keep its slots, one set for each parameter.

import type { DType } from "../graph/dtype.ts";
import { sameShape, showShape } from "../graph/shape.ts";
import { gradients, variablesOf } from "../tensor/gradients.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { assignAll, type Scalar, scalar, Variable, variable } from "../tensor/variable.ts";
import { mistake } from "../util/errors.ts";
import { checkNumber } from "../util/options.ts";
import type { Hyperparameter } from "./hyperparameter.ts";
import type { GradientTransform, Slots, StepContext } from "./transform.ts";

type SlotVariables = Readonly<Record<string, Variable>>;

/**
 * Changes variables so that a loss falls. Made by `sgd`, `adam`, `adamW`, or from any transform:
 *
 * @example
 * const optimizer = new Optimizer(chain(clipByGlobalNorm(1), scaleByAdam(), scaleByLearningRate(1e-3)));
 * const step = compile((x: Tensor, y: Tensor) => {
 *   const loss = mse(model.forward(x), y);
 *   optimizer.minimize(loss);
 *   return loss;
 * });
 */
export class Optimizer {
  readonly transform: GradientTransform;
  /** Numbers that can be changed between steps, without recompiling: `optimizer.hyperparameters.learningRate.value = 1e-4`. */
  readonly hyperparameters: Readonly<Record<string, Hyperparameter>>;
  /** Updates done so far. */
  readonly step: Scalar = scalar(0, "step");
  readonly #length: Scalar = scalar(Number.NaN, "totalSteps");
  #totalSteps: number | null = null;
  readonly #slots: Map<Variable, SlotVariables> = new Map();

  constructor(transform: GradientTransform) {
    this.transform = transform;
    this.hyperparameters = transform.hyperparameters;
  }

  /** The learning rate, where it is a number. Setting it never recompiles. */
  get learningRate(): number {
    return this.#learningRate().value;
  }

  set learningRate(value: number) {
    this.#learningRate().value = value;
  }

  #learningRate(): Hyperparameter {
    const found = this.hyperparameters.learningRate;
    if (found !== undefined) return found;
    throw mistake("OPTION", {
      where: "optimizer",
      problem: "the learning rate is a schedule, or there is none, so it cannot be read or set",
    });
  }

  /** Updates of the whole run, which schedules ask for; null while nobody knows. `fit` sets it. */
  get totalSteps(): number | null {
    return this.#totalSteps;
  }

  set totalSteps(value: number | null) {
    if (value !== null) checkNumber("optimizer", "totalSteps", value, { least: 1, integer: true });
    this.#totalSteps = value;
    this.#length.value = value ?? Number.NaN;
  }

  /**
   * One step down the gradient of a loss: at once outside a compiled function, as part of the program inside.
   *
   * @param loss a scalar
   * @param variables what to change. Default: every trainable variable that the loss reaches
   * @throws UserError `GRADIENT` when the loss reaches no trainable variable, or not one that was listed
   */
  minimize(loss: Tensor | Tensor<"float64">, variables?: readonly (Variable | Variable<"float64">)[]): void {
    const where = "minimize";
    if (loss.rank !== 0)
      throw mistake("SHAPE", { where, problem: "the loss must be a scalar", got: showShape(loss.shape), advice: "Take its mean or sum." });
    const reached = variablesOf(loss);
    const list = (variables ?? reached) as readonly Variable<DType>[] as readonly Variable[];
    if (list.length === 0) {
      throw mistake("GRADIENT", {
        where,
        problem: variables === undefined ? "the loss reaches no trainable variable" : "the list of variables is empty",
        advice: "Build the loss from variables in the same step, and look whether they are frozen.",
      });
    }
    for (const v of list) {
      if (!(v instanceof Variable)) throw mistake("OPTION", { where, problem: "the list holds something that is no variable", got: v });
      if (!v.trainable)
        throw mistake("GRADIENT", { where, problem: `variable "${v.name}" is not trainable`, advice: "Leave it out, or unfreeze it." });
      if (!reached.includes(v))
        throw mistake("GRADIENT", {
          where,
          problem: `the loss does not reach variable "${v.name}"`,
          advice: "Leave it out, or look whether it was assigned after the loss was built.",
        });
    }
    this.apply(list, gradients(loss, list));
  }

  /**
   * One step with given gradients.
   *
   * @throws UserError `SHAPE` when a gradient's shape is not its variable's
   */
  apply(variables: readonly Variable[], gradientsOf: readonly Tensor[]): void {
    if (new Set(variables).size !== variables.length || variables.length !== gradientsOf.length)
      throw mistake("OPTION", {
        where: "apply",
        problem: "needs each variable once, with one gradient",
        got: `${variables.length} and ${gradientsOf.length}`,
      });
    variables.forEach((v, i) => {
      const g = gradientsOf[i] as Tensor;
      if (!sameShape(v.shape, g.shape))
        throw mistake("SHAPE", {
          where: "apply",
          problem: `the gradient of "${v.name}" has another shape`,
          got: showShape(g.shape),
          expected: showShape(v.shape),
        });
    });
    this.prepare(variables);
    const slots = variables.map((v) => this.#slots.get(v) as SlotVariables);
    const result = this.transform.update(gradientsOf, slots, this.#context(variables));
    const [targets, values]: [Variable<DType>[], Tensor<DType>[]] = [[this.step], [this.step.add(1)]];
    variables.forEach((v, i) => {
      targets.push(v);
      values.push(v.add(result.updates[i] as Tensor));
      for (const [name, kept] of Object.entries(slots[i] as SlotVariables)) {
        targets.push(kept);
        values.push((result.slots[i] as Slots)[name] as Tensor);
      }
    });
    assignAll(targets, values);
  }

  #context(parameters: readonly Tensor[]): StepContext {
    const optimizer = this;
    return {
      parameters,
      step: this.step,
      get totalSteps() {
        if (optimizer.#totalSteps !== null) return optimizer.#length;
        throw mistake("OPTION", {
          where: "schedule",
          problem: "the length of the run is unknown",
          advice: "Give the schedule { totalSteps }, or set optimizer.totalSteps; fit does so by itself.",
        });
      },
    };
  }

  /** Makes the slots of variables that have none yet. Training does so by itself; restoring a checkpoint asks for it. */
  prepare(variables: readonly Variable[]): void {
    for (const v of variables) {
      if (this.#slots.has(v)) continue;
      const slots: Record<string, Variable> = {};
      for (const [name, initial] of Object.entries(this.transform.init(v))) {
        slots[name] = variable(initial, { name: `${v.name}.${name}`, trainable: false });
      }
      this.#slots.set(v, slots);
    }
  }

  /**
   * Everything the optimiser remembers, for checkpoints: `step`, and the slots of each named variable as `<name>/<slot>`.
   *
   * @param named the variables by name; those that were never updated have no slots yet
   */
  state(named: ReadonlyMap<string, Variable>): Map<string, Variable<DType>> {
    const state = new Map<string, Variable<DType>>([["step", this.step]]);
    for (const [name, v] of named) {
      for (const [slot, kept] of Object.entries(this.#slots.get(v) ?? {})) state.set(`${name}/${slot}`, kept);
    }
    return state;
  }
}
