// When to stop, and which weights to keep.

import type { DType } from "../graph/dtype.ts";
import type { RawTensor } from "../io/safetensors.ts";
import { assignTensors, readTensors } from "../io/tensors.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { AnyTensor } from "../tensor/types.ts";
import { mistake } from "../util/errors.ts";
import { checkNames, checkNumber } from "../util/options.ts";
import type { EpochRecord } from "./history.ts";
import type { Callback, Run } from "./run.ts";

export interface EarlyStoppingOptions {
  /** Epochs without improvement before the run ends. Default 5. */
  readonly patience?: number;
  /** What counts as improvement: more than this. Default 0. */
  readonly minDelta?: number;
  /** The score to watch, of the validation data (of the training data where there is none). Default `loss`. */
  readonly monitor?: string;
  /** Whether a larger score is better. Default: yes for everything whose name ends in `accuracy`. */
  readonly larger?: boolean;
  /** Give the model its best weights at the end. Default true. */
  readonly restoreBest?: boolean;
}

interface StoppingState {
  readonly best: number | null;
  readonly bestEpoch: number;
  readonly waited: number;
}

/** Early stopping, and what it found. */
export interface EarlyStopping extends Callback {
  /** The epoch with the best score, from 1; 0 before the first. */
  readonly bestEpoch: number;
  readonly best: number | null;
}

/**
 * Ends a run when a score has not improved for some epochs, and gives back the best weights.
 *
 * @throws UserError `OPTION`; when the run begins without the score to watch, after its first epoch
 * @example
 * await fit(model, train, { loss: mse, optimizer, epochs: 200, validation, callbacks: [earlyStopping({ patience: 10 })] });
 * Source: Prechelt 1998, "Early stopping, but when?".
 */
export function earlyStopping(options: EarlyStoppingOptions = {}): EarlyStopping {
  const where = "earlyStopping";
  checkNames(where, options, ["patience", "minDelta", "monitor", "larger", "restoreBest"]);
  const patience = checkNumber(where, "patience", options.patience ?? 5, { least: 1, integer: true });
  const minDelta = checkNumber(where, "minDelta", options.minDelta ?? 0, { least: 0 });
  const { monitor = "loss", larger = /accuracy$/i.test(monitor), restoreBest = true } = options;
  let state: StoppingState = { best: null, bestEpoch: 0, waited: 0 };
  /** Handles on the values of the best epoch; the variables write elsewhere from then on. */
  let weights: Map<string, AnyTensor> | null = null;
  let raw: ReadonlyMap<string, RawTensor> | null = null;
  const stopWhenDue = (run: Run) => {
    if (state.waited < patience) return;
    const epochs = `${patience} ${patience === 1 ? "epoch" : "epochs"}`;
    run.stop(`${monitor} has not improved for ${epochs}; the best was epoch ${state.bestEpoch}`);
  };

  return {
    name: where,
    get best() {
      return state.best;
    },
    get bestEpoch() {
      return state.bestEpoch;
    },
    epochEnd(run: Run, record: EpochRecord) {
      const scores = record.validation ?? record.training;
      const score = scores[monitor];
      if (score === undefined)
        throw mistake("OPTION", {
          where,
          problem: "there is no such score to watch",
          got: monitor,
          expected: Object.keys(scores).join(", "),
        });
      const gain = state.best === null ? Number.POSITIVE_INFINITY : larger ? score - state.best : state.best - score;
      if (gain > minDelta) {
        state = { best: score, bestEpoch: record.epoch, waited: 0 };
        raw = null;
        if (restoreBest) weights = new Map([...run.model.variables()].map(([name, v]) => [name, new Tensor<DType>(v.node)]));
        return;
      }
      state = { ...state, waited: state.waited + 1 };
      stopWhenDue(run);
    },
    async end(run: Run) {
      if (!restoreBest || state.bestEpoch === run.epoch) return;
      const best = raw ?? (weights === null ? null : await readTensors(weights));
      if (best !== null) assignTensors(where, run.model.variables(), best);
    },
    async state() {
      const tensors = raw ?? (weights === null ? null : await readTensors(weights));
      return { data: { ...state }, ...(tensors === null ? {} : { tensors }) };
    },
    restore({ data, tensors }, run) {
      state = data as unknown as StoppingState;
      weights = null;
      raw = tensors !== undefined && tensors.size > 0 ? tensors : null;
      stopWhenDue(run);
    },
  };
}

export interface ConvergedOptions {
  /** Largest relative change of the loss (penalty included) that counts as none. Default 1e-6. */
  readonly tolerance?: number;
  /** Epochs in a row that must not change. Default 3. */
  readonly patience?: number;
}

/**
 * Ends a run when the training loss, penalty included, has come to rest: |Jₖ − Jₖ₋₁| ≤ tolerance · max(1, |Jₖ|).
 *
 * @throws UserError `OPTION`
 * @example
 * await fit(model, train, { loss: mse, optimizer, epochs: 5000, callbacks: [converged({ tolerance: 1e-8 })] });
 */
export function converged(options: ConvergedOptions = {}): Callback {
  const where = "converged";
  checkNames(where, options, ["tolerance", "patience"]);
  const tolerance = checkNumber(where, "tolerance", options.tolerance ?? 1e-6, { least: 0 });
  const patience = checkNumber(where, "patience", options.patience ?? 3, { least: 1, integer: true });
  let state: { readonly last: number | null; readonly rest: number } = { last: null, rest: 0 };
  const stopWhenDue = (run: Run) => {
    if (state.rest >= patience) run.stop(`the loss has converged: it changes by less than ${tolerance} an epoch`);
  };
  return {
    name: where,
    epochEnd(run, { training }) {
      const now = training.loss + (training.penalty ?? 0);
      const still = state.last !== null && Math.abs(now - state.last) <= tolerance * Math.max(1, Math.abs(now));
      state = { last: now, rest: still ? state.rest + 1 : 0 };
      stopWhenDue(run);
    },
    state: () => ({ data: { ...state } }),
    restore({ data }, run) {
      state = data as unknown as typeof state;
      stopWhenDue(run);
    },
  };
}
