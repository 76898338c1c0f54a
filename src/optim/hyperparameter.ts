// Hyper-parameters: numbers that compiled steps read as data. Setting one checks it and never recompiles.

import { constant } from "../graph/build.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Scalar } from "../tensor/variable.ts";
import { mistake } from "../util/errors.ts";
import { checkNumber, type Range } from "../util/options.ts";
import type { Schedule } from "./schedule.ts";
import type { StepContext } from "./transform.ts";

/** A float64 scalar with a range. Set `value` to change it between steps. */
export class Hyperparameter extends Scalar {
  readonly #where: string;
  readonly #range: Range;

  /** @throws UserError `OPTION` for a value outside the range */
  constructor(where: string, name: string, value: number, range: Range) {
    super(constant(checkNumber(where, name, value, range), "float64"), name, false);
    this.#where = where;
    this.#range = range;
  }

  override get value(): number {
    return super.value;
  }

  override set value(next: number) {
    super.value = checkNumber(this.#where, this.name, next, this.#range);
  }
}

/** A number, or a function of the step. */
export type Rate = number | Schedule;

/** A rate as the optimiser keeps it: data, or a schedule to be traced. */
export type KeptRate = Hyperparameter | Schedule;

/**
 * The rate itself, when it is a schedule or a number in the range.
 *
 * @throws UserError `OPTION`
 */
export function checkRate(where: string, name: string, rate: Rate, range: Range): Rate {
  if (typeof rate === "function") return rate;
  if (typeof rate === "number") return checkNumber(where, name, rate, range);
  throw mistake("OPTION", { where, problem: `${name} must be a number or a schedule`, got: rate });
}

/**
 * Keeps a rate.
 *
 * @throws UserError `OPTION` for a number outside the range, or something else
 */
export function keepRate(where: string, name: string, rate: Rate, range: Range): KeptRate {
  const checked = checkRate(where, name, rate, range);
  return typeof checked === "function" ? checked : new Hyperparameter(where, name, checked, range);
}

/** The rate of this step, a float64 scalar. */
export function rateAt(where: string, rate: KeptRate, context: StepContext): Tensor<"float64"> {
  if (typeof rate !== "function") return rate;
  const value = rate(context);
  if (value?.dtype === "float64" && value.rank === 0) return value;
  throw mistake("OPTION", {
    where,
    problem: "a schedule must return a float64 scalar",
    got: value,
    advice: "Compute it from the step it is given.",
  });
}

/** Those of the rates that can be set, by name. */
export function settable(rates: Readonly<Record<string, KeptRate>>): Record<string, Hyperparameter> {
  const found: Record<string, Hyperparameter> = {};
  for (const [name, rate] of Object.entries(rates)) if (rate instanceof Hyperparameter) found[name] = rate;
  return found;
}
