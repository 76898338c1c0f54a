// Gradient transforms: pure pairs {init, update} that turn gradients into updates, and their composition. What a transform
// remembers are slots of each parameter; the optimiser keeps those in variables.
// Source of the form: Optax, "GradientTransformation".

import type { Tensor } from "../tensor/tensor.ts";
import type { Hyperparameter } from "./hyperparameter.ts";

/** What is remembered about one parameter: tensors by name. */
export type Slots = Readonly<Record<string, Tensor>>;

/** What an update may look at beside the gradients. */
export interface StepContext {
  /** The parameters as they are now. */
  readonly parameters: readonly Tensor[];
  /** Updates done before this one: 0 at the first. A float64 scalar, so that functions of it are exact. */
  readonly step: Tensor<"float64">;
  /**
   * Updates of the whole run, a float64 scalar.
   *
   * @throws UserError `OPTION` when nobody said how long the run is
   */
  readonly totalSteps: Tensor<"float64">;
}

export interface Update {
  /** What is to be added to each parameter, or the gradients for the next transform of a chain. */
  readonly updates: readonly Tensor[];
  readonly slots: readonly Slots[];
}

export interface GradientTransform {
  /** Numbers that can be changed between steps, by name. */
  readonly hyperparameters: Readonly<Record<string, Hyperparameter>>;
  /** The first slots of a parameter. */
  init(parameter: Tensor): Slots;
  /** One step for all parameters together. */
  update(gradients: readonly Tensor[], slots: readonly Slots[], context: StepContext): Update;
}

const noHyperparameters: Readonly<Record<string, Hyperparameter>> = {};
const noSlots: Slots = {};

/** A transform that remembers nothing. */
export function stateless(
  update: (gradients: readonly Tensor[], context: StepContext) => readonly Tensor[],
  hyperparameters: Readonly<Record<string, Hyperparameter>> = noHyperparameters,
): GradientTransform {
  return {
    hyperparameters,
    init: () => noSlots,
    update: (gradients, slots, context) => ({ updates: update(gradients, context), slots }),
  };
}

/**
 * One transform after the other. Slots and hyper-parameters of the i-th are found as `i.name` where two have the same name,
 * else as `name`.
 *
 * @example
 * const adamW = chain(scaleByAdam(), addDecayedWeights(0.01), scaleByLearningRate(1e-3));
 */
export function chain(...transforms: readonly GradientTransform[]): GradientTransform {
  const hyperparameters: Record<string, Hyperparameter> = {};
  const names = transforms.flatMap((t) => Object.keys(t.hyperparameters));
  transforms.forEach((t, i) => {
    for (const [name, value] of Object.entries(t.hyperparameters)) {
      hyperparameters[names.filter((n) => n === name).length > 1 ? `${i}.${name}` : name] = value;
    }
  });
  const part = (slots: Slots, i: number): Slots =>
    Object.fromEntries(Object.entries(slots).flatMap(([name, t]) => (name.startsWith(`${i}.`) ? [[name.slice(`${i}.`.length), t]] : [])));
  const prefixed = (slots: Slots, i: number) => Object.entries(slots).map(([name, t]) => [`${i}.${name}`, t] as const);
  return {
    hyperparameters,
    init: (parameter) => Object.fromEntries(transforms.flatMap((t, i) => prefixed(t.init(parameter), i))),
    update(gradients, slots, context) {
      let updates = gradients;
      const next: Record<string, Tensor>[] = slots.map(() => ({}));
      transforms.forEach((t, i) => {
        const own = slots.map((s) => part(s, i));
        const result = t.update(updates, own, context);
        updates = result.updates;
        result.slots.forEach((s, p) => {
          for (const [name, value] of prefixed(s, i)) (next[p] as Record<string, Tensor>)[name] = value;
        });
      });
      return { updates, slots: next };
    },
  };
}
