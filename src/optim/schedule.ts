// Learning-rate schedules: functions of the step and the length of the run, on float64 scalars, so that they are compiled into
// the step and are rounded once, where they meet a tensor. Options are plain numbers; they are part of the program.

import { full } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkNames, checkNumber } from "../util/options.ts";

type Float64 = Tensor<"float64">;

/** Where in a run an update is. */
export interface ScheduleContext {
  /** Updates done before this one, from 0. */
  readonly step: Float64;
  /** Updates of the whole run: `fit` sets it, or `optimizer.totalSteps`. */
  readonly totalSteps: Float64;
}

/** The rate of one update, a float64 scalar. */
export type Schedule = (at: ScheduleContext) => Float64;

/** Length of a schedule where it is not the whole run. */
export interface LengthOptions {
  /** Default: the updates of the whole run. */
  readonly totalSteps?: number;
}

const number = (value: number): Float64 => full([], value, { dtype: "float64" });

/** The length that the options say, or the run's. */
function lengthOf(at: ScheduleContext, totalSteps: number | undefined): Float64 {
  return totalSteps === undefined ? at.totalSteps : number(totalSteps);
}

function checkLength(where: string, totalSteps: number | undefined): void {
  if (totalSteps !== undefined) checkNumber(where, "totalSteps", totalSteps, { least: 1, integer: true });
}

/** From `from` to `to` as x goes from 0 to 1 on half a cosine. */
function cosineBetween(from: number, to: number, x: Float64): Float64 {
  return x
    .mul(Math.PI)
    .cos()
    .add(1)
    .mul((from - to) / 2)
    .add(to);
}

/**
 * Always the same: for the place where a schedule is asked for.
 *
 * @param rate finite and at least 0
 * @throws UserError `OPTION`
 * @example
 * const optimizer = sgd({ learningRate: warmup(constantRate(0.1), 500) });
 */
export function constantRate(rate: number): Schedule {
  checkNumber("constantRate", "rate", rate, { least: 0 });
  return () => number(rate);
}

export interface CosineOptions extends LengthOptions {
  /** The rate at the end. Default 0. */
  readonly final?: number;
}

/**
 * Half a cosine from `peak` to `final`: final + (peak − final)(1 + cos(π·k/n))/2; it stays there afterwards.
 *
 * @param peak the rate at the first step, finite and at least 0
 * @throws UserError `OPTION`
 * @example
 * const optimizer = adam({ learningRate: cosine(1e-3, { final: 1e-5 }) });
 * Source: Loshchilov and Hutter 2017, arXiv 1608.03983.
 */
export function cosine(peak: number, options: CosineOptions = {}): Schedule {
  const { final = 0, totalSteps } = options;
  checkNames("cosine", options, ["final", "totalSteps"]);
  checkNumber("cosine", "peak", peak, { least: 0 });
  checkNumber("cosine", "final", final, { least: 0 });
  checkLength("cosine", totalSteps);
  return (at) => cosineBetween(peak, final, at.step.div(lengthOf(at, totalSteps)).minimum(1));
}

/**
 * A straight line: start + (end − start)·k/n; it stays there afterwards.
 *
 * @param start the rate at the first step, finite and at least 0
 * @throws UserError `OPTION`
 * @example
 * const optimizer = sgd({ learningRate: linearRate(0.1, 0, { totalSteps: 1000 }) });
 */
export function linearRate(start: number, end: number, options: LengthOptions = {}): Schedule {
  checkNames("linearRate", options, ["totalSteps"]);
  checkNumber("linearRate", "start", start, { least: 0 });
  checkNumber("linearRate", "end", end, { least: 0 });
  checkLength("linearRate", options.totalSteps);
  return (at) =>
    at.step
      .div(lengthOf(at, options.totalSteps))
      .minimum(1)
      .mul(end - start)
      .add(start);
}

/**
 * Multiplies a schedule by (k + 1) / steps during the first `steps` updates. The schedule counts from the beginning.
 *
 * @param schedule a schedule, or the number that it always is
 * @param steps at least 1
 * @throws UserError `OPTION`
 * @example
 * const rate = warmup(cosine(1e-3), 100);
 */
export function warmup(schedule: Schedule | number, steps: number): Schedule {
  checkNumber("warmup", "steps", steps, { least: 1, integer: true });
  const inner = typeof schedule === "number" ? constantRate(schedule) : schedule;
  return (at) => inner(at).mul(at.step.add(1).div(steps).minimum(1));
}

export interface OneCycleOptions extends LengthOptions {
  /** Share of the run that the rate rises. Default 0.3. */
  readonly rise?: number;
  /** The rate begins at peak / divide. Default 25. */
  readonly divide?: number;
  /** The rate ends at peak / divide / finalDivide. Default 10⁴. */
  readonly finalDivide?: number;
}

/**
 * Rises on half a cosine from peak / divide to `peak`, then falls on another to nearly 0. The rise ends at step
 * rise·n − 1, the fall at n − 1.
 *
 * @param peak the largest rate, finite and at least 0
 * @throws UserError `OPTION`
 * @example
 * const optimizer = adamW({ learningRate: oneCycle(1e-2, { rise: 0.2 }) });
 * Source: Smith and Topin 2017, arXiv 1708.07120, in the two-phase form of PyTorch's OneCycleLR.
 */
export function oneCycle(peak: number, options: OneCycleOptions = {}): Schedule {
  const { rise = 0.3, divide = 25, finalDivide = 1e4, totalSteps } = options;
  const where = "oneCycle";
  checkNames(where, options, ["rise", "divide", "finalDivide", "totalSteps"]);
  checkNumber(where, "peak", peak, { least: 0 });
  checkNumber(where, "rise", rise, { least: 0, most: 1 });
  checkNumber(where, "divide", divide, { least: 1 });
  checkNumber(where, "finalDivide", finalDivide, { least: 1 });
  checkLength(where, totalSteps);
  const first = peak / divide;
  return (at) => {
    const length = lengthOf(at, totalSteps);
    const end = length.sub(1);
    const top = length.mul(rise).sub(1);
    // Where there is no room to rise or fall, the phase is over at once.
    const up = at.step.div(top.maximum(1e-9)).clamp(0, 1);
    const down = at.step.sub(top).div(end.sub(top).maximum(1e-9)).clamp(0, 1);
    const rising = cosineBetween(first, peak, up as Float64);
    return at.step.lt(top).where(rising, cosineBetween(peak, first / finalDivide, down as Float64)) as Float64;
  };
}
