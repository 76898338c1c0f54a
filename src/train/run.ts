// A run in progress: what callbacks see of it, and its whole state as tensors and plain data, for checkpoints.

import type { DType } from "../graph/dtype.ts";
import type { RawTensor } from "../io/safetensors.ts";
import { assignTensors, readTensors } from "../io/tensors.ts";
import type { Module } from "../nn/module.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import type { Penalty } from "../regularize/penalty.ts";
import { defaultGenerator } from "../tensor/random.ts";
import type { Variable } from "../tensor/variable.ts";
import { mistake } from "../util/errors.ts";
import type { EventSink } from "../util/events.ts";
import type { EpochRecord, History } from "./history.ts";

/** Plain data, as JSON has it. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** What a callback wants to find again when a run is resumed. */
export interface CallbackState {
  readonly data: Json;
  readonly tensors?: ReadonlyMap<string, RawTensor>;
}

/** Does something at certain points of a run. */
export interface Callback {
  readonly name: string;
  /** Before the first step. */
  begin?(run: Run): void | Promise<void>;
  /** After each epoch and its validation. */
  epochEnd?(run: Run, record: EpochRecord): void | Promise<void>;
  /** After every callback's `epochEnd`, and when a run is interrupted: the place to save. */
  save?(run: Run): void | Promise<void>;
  /** When the run is over, also when it was stopped; not when it failed. */
  end?(run: Run): void | Promise<void>;
  /** State for checkpoints, and back. */
  state?(): CallbackState | Promise<CallbackState>;
  restore?(state: CallbackState, run: Run): void;
}

/** Where a run is, and sums over the part of an epoch that is done. */
export interface Position {
  /** Updates that the optimiser had done before the run. */
  firstStep: number;
  /** Epochs done. */
  epoch: number;
  /** Steps done of the epoch under way. */
  stepInEpoch: number;
  /** Samples seen of the epoch under way, and sums over them. */
  samples: number;
  sums: number[];
  /** Sum and number of steps since the last point of the loss curve. */
  curve: [sum: number, steps: number];
}

/** What must be the same for a resumed run to give the same numbers. */
export type Fingerprint = Readonly<Record<string, number | boolean | string>>;

export interface SavedRun {
  readonly tensors: ReadonlyMap<string, RawTensor>;
  readonly data: {
    readonly position: Position;
    readonly history: History;
    readonly fingerprint: Fingerprint;
    readonly hyperparameters: Readonly<Record<string, number>>;
    readonly lambdas: readonly number[];
    readonly callbacks: readonly Json[];
  };
}

export interface RunParts {
  readonly model: Module;
  readonly optimizer: Optimizer;
  readonly penalties: readonly Penalty[];
  readonly callbacks: readonly Callback[];
  readonly fingerprint: Fingerprint;
  readonly measures: number;
  readonly epochs: number;
  readonly emit: EventSink;
}

/** A run of `fit`, as callbacks see it. */
export class Run {
  readonly model: Module;
  readonly optimizer: Optimizer;
  readonly history: History = { epochs: [], steps: [] };
  /** Takes an event of the callback's own. */
  readonly emit: EventSink;
  /** Epochs that the run is to have. */
  readonly epochs: number;
  /** Where the run is; for the loop and for checkpoints. */
  readonly position: Position;
  readonly #parts: RunParts;
  #reason: string | null = null;

  constructor(parts: RunParts) {
    this.model = parts.model;
    this.optimizer = parts.optimizer;
    this.emit = parts.emit;
    this.epochs = parts.epochs;
    this.position = { firstStep: 0, epoch: 0, stepInEpoch: 0, samples: 0, sums: new Array<number>(parts.measures).fill(0), curve: [0, 0] };
    this.#parts = parts;
  }

  /** Epochs done. */
  get epoch(): number {
    return this.position.epoch;
  }

  /** Ends the run after this epoch. */
  stop(reason: string): void {
    this.#reason ??= reason;
  }

  /** Why the run is to end, or null. */
  get stopReason(): string | null {
    return this.#reason;
  }

  #variables(): Map<string, Variable<DType>> {
    const { model, optimizer } = this;
    optimizer.prepare(model.parameters().filter((p) => p.trainable));
    const variables = new Map<string, Variable<DType>>();
    for (const [name, v] of model.variables()) variables.set(`model/${name}`, v);
    for (const [name, v] of optimizer.state(model.namedParameters())) variables.set(`optimizer/${name}`, v);
    variables.set("generator", defaultGenerator().state);
    return variables;
  }

  /** Everything that the rest of the run depends on. */
  async capture(): Promise<SavedRun> {
    const tensors = await readTensors(this.#variables());
    const callbacks: Json[] = [];
    for (const [i, callback] of this.#parts.callbacks.entries()) {
      const state = await callback.state?.();
      callbacks.push(state?.data ?? null);
      for (const [name, t] of state?.tensors ?? []) tensors.set(`callback/${i}/${name}`, t);
    }
    const { position, history } = this;
    const { fingerprint, penalties } = this.#parts;
    const hyperparameters = Object.fromEntries(Object.entries(this.optimizer.hyperparameters).map(([name, h]) => [name, h.value]));
    return { tensors, data: { position, history, fingerprint, hyperparameters, lambdas: penalties.map((p) => p.lambda), callbacks } };
  }

  /**
   * Goes back to a captured state.
   *
   * @throws UserError `CHECKPOINT` when the run is another one, `WEIGHTS` when the model is; then nothing has changed
   */
  restore(file: string, { tensors, data }: SavedRun): void {
    const { callbacks, fingerprint, penalties } = this.#parts;
    for (const [name, value] of Object.entries(fingerprint)) {
      const saved = data.fingerprint[name];
      if (saved === value) continue;
      throw mistake("CHECKPOINT", {
        where: file,
        problem: `the checkpoint is of another run, whose numbers could not go on: ${name} differs`,
        got: value,
        expected: saved,
        advice: "Give the same options, or begin anew in another folder.",
      });
    }
    if (data.lambdas.length !== penalties.length || data.callbacks.length !== callbacks.length) {
      const got = `${penalties.length} penalties and ${callbacks.length} callbacks`;
      const expected = `${data.lambdas.length} and ${data.callbacks.length}`;
      throw mistake("CHECKPOINT", { where: file, problem: "the run has other penalties or callbacks", got, expected });
    }
    if (data.position.sums.length !== this.position.sums.length)
      throw mistake("CHECKPOINT", { where: file, problem: "the run measures other things: penalties or metrics differ" });
    const own = new Map<string, RawTensor>();
    const theirs = callbacks.map(() => new Map<string, RawTensor>());
    for (const [name, t] of tensors) {
      const match = /^callback\/(\d+)\/(.*)$/s.exec(name);
      if (match === null) own.set(name, t);
      else theirs[Number(match[1])]?.set(match[2] as string, t);
    }
    assignTensors(file, this.#variables(), own);
    for (const [name, value] of Object.entries(data.hyperparameters)) {
      const hyperparameter = this.optimizer.hyperparameters[name];
      if (hyperparameter !== undefined) hyperparameter.value = value;
    }
    penalties.forEach((p, i) => {
      p.lambda = data.lambdas[i] as number;
    });
    Object.assign(this.position, data.position);
    this.history.epochs.push(...data.history.epochs);
    this.history.steps.push(...data.history.steps);
    callbacks.forEach((callback, i) => {
      callback.restore?.({ data: data.callbacks[i] as Json, tensors: theirs[i] as Map<string, RawTensor> }, this);
    });
  }
}
