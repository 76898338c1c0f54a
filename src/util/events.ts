// What happens during a run, as plain data: training writes these events and knows nothing of who reads them. One event is
// one JSON line in `runs/<name>/events.jsonl`; the progress bar and the dashboard read the same.

/** A number for each name, such as `{ loss: 0.31, accuracy: 0.91 }`. */
export type Scores = Readonly<Record<string, number>>;

/** What a run says about itself. Times are seconds since the run began. */
export type RunEvent =
  /** The run begins, or goes on from step `step` of a checkpoint. */
  | {
      readonly type: "start";
      readonly device: string;
      /** Trainable numbers in the model. */
      readonly parameters: number;
      readonly samples: number;
      readonly batchSize: number;
      readonly epochs: number;
      readonly stepsPerEpoch: number;
      readonly step: number;
      /** The options as given, where they are plain data. */
      readonly settings: Readonly<Record<string, unknown>>;
    }
  /** Some steps were done: `scores` are the means over the epoch so far. Sent about ten times a second. */
  | {
      readonly type: "progress";
      readonly epoch: number;
      readonly step: number;
      readonly totalSteps: number;
      /** Steps done in this epoch. */
      readonly stepInEpoch: number;
      readonly scores: Scores;
      readonly samplesPerSecond: number;
      readonly secondsLeft: number;
    }
  /** An epoch is over. */
  | {
      readonly type: "epoch";
      readonly epoch: number;
      readonly step: number;
      readonly seconds: number;
      readonly training: Scores;
      readonly validation: Scores | null;
    }
  | { readonly type: "checkpoint"; readonly epoch: number; readonly step: number; readonly path: string }
  /** Cross-validation finished one fold for one strength of the penalty. */
  | { readonly type: "fold"; readonly lambda: number; readonly fold: number; readonly folds: number; readonly score: number }
  /** Something a person should know. */
  | { readonly type: "notice"; readonly level: "info" | "warning"; readonly text: string }
  /** The run ends before its last epoch. */
  | { readonly type: "stop"; readonly epoch: number; readonly step: number; readonly reason: string }
  | { readonly type: "end"; readonly epochs: number; readonly step: number; readonly seconds: number; readonly scores: Scores };

/** Takes events as they happen. It must be quick, and must not throw. */
export type EventSink = (event: RunEvent) => void;
