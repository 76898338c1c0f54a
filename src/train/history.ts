// What a run remembers: a record an epoch, and the loss along the steps.

import type { Scores } from "../util/events.ts";
import { drawChart, type Series } from "./chart.ts";

export interface EpochRecord {
  /** From 1. */
  readonly epoch: number;
  /** Updates done at its end. */
  readonly step: number;
  readonly seconds: number;
  /** Means over the epoch, while the weights changed: `loss`, `penalty` where there is one, metrics. */
  readonly training: Scores & { readonly loss: number };
  /** Measured at its end, on the validation data. */
  readonly validation: (Scores & { readonly loss: number }) | null;
}

/** Plain data, part of checkpoints. */
export interface History {
  readonly epochs: EpochRecord[];
  /** The mean loss over some steps up to `epoch` (a fraction). */
  readonly steps: { readonly epoch: number; readonly loss: number }[];
}

export interface CurveOptions {
  readonly title: string;
  readonly subtitle?: string;
  /** An epoch to mark, such as the best one. */
  readonly best?: number;
  /** What the data beside the training data is called. Default `validation`. */
  readonly held?: string;
}

/**
 * The loss along a run as an SVG picture: steps pale, epochs bold, validation beside training.
 *
 * @example
 * const result = await fit(model, train, options);
 * writeFileSync("loss.svg", lossCurve(result.history, { title: "My model" }));
 */
export function lossCurve(history: History, options: CurveOptions): string {
  const series: Series[] = [];
  const { epochs, steps } = history;
  if (steps.length > epochs.length)
    series.push({ name: "steps", style: "faint", color: 0, points: steps.map(({ epoch, loss }) => [epoch, loss]) });
  // A mean over an epoch belongs to its middle.
  series.push({ name: "training", color: 0, points: epochs.map((e) => [e.epoch - 0.5, e.training.loss]) });
  const validation = epochs.filter((e) => e.validation !== null);
  if (validation.length > 0)
    series.push({
      name: options.held ?? "validation",
      color: 1,
      points: validation.map((e) => [e.epoch, e.validation?.loss ?? Number.NaN]),
    });
  return drawChart({
    title: options.title,
    ...(options.subtitle === undefined ? {} : { subtitle: options.subtitle }),
    xLabel: "epoch",
    yLabel: "loss",
    from: 0,
    series,
    ...(options.best === undefined ? {} : { mark: { x: options.best, caption: "best" } }),
  });
}
