// The progress of a run, from its events: a bar that is redrawn on a terminal, one line an epoch elsewhere.

import type { EventSink, RunEvent, Scores } from "../util/events.ts";

/** Where progress goes: `process.stderr` and its like. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  hasColors?(): boolean;
}

export interface Progress {
  readonly sink: EventSink;
  /** Takes the bar off the screen, before something else is printed. */
  clear(): void;
}

/** `0.0312`, `12.4`, `1.2e-6`: four significant digits. */
export function showNumber(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e7)) return value.toExponential(2).replace(/\.?0*e\+?/, "e");
  return size >= 1000 ? value.toFixed(0) : String(Number(value.toPrecision(4)));
}

/** `41,250`. */
export function showCount(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** `0:07`, `12:30`, `1:02:03`. */
export function showTime(seconds: number): string {
  if (!Number.isFinite(seconds)) return "–:––";
  const whole = Math.max(0, Math.round(seconds));
  const two = (n: number) => String(n).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

function showScores(scores: Scores): string {
  return Object.entries(scores)
    .map(([name, value]) => `${name} ${showNumber(value)}`)
    .join("  ");
}

/** Columns of the bar, where there is room; fewer than the least say nothing. */
const [leastBar, mostBar] = [5, 28];

function bar(share: number, width: number): string {
  const filled = Math.min(width, Math.max(0, share * width));
  const whole = Math.floor(filled);
  const half = whole < width && filled - whole >= 0.5;
  return "━".repeat(whole) + (half ? "╸" : "") + "─".repeat(width - whole - Number(half));
}

/** Lines that a run leaves behind, about: one an epoch where there are few. */
const lines = 20;

/** Shows a run's events on a terminal or in a log; `held` is what the data beside the training data is called. */
export function showProgress(output: Output, held = "validation"): Progress {
  const live = output.isTTY === true;
  const paint = (code: number, text: string) => (output.hasColors?.() === true ? `\u001b[${code}m${text}\u001b[0m` : text);
  let epochs = 1;
  let stepsPerEpoch = 1;
  let shown = false;

  const clear = () => {
    if (shown) output.write("\r\u001b[K");
    shown = false;
  };
  const line = (text: string) => {
    clear();
    output.write(`${text}\n`);
  };
  const epochName = (epoch: number) => `epoch ${String(epoch).padStart(String(epochs).length)}/${epochs}`;

  const sink = (event: RunEvent): void => {
    switch (event.type) {
      case "start":
        epochs = event.epochs;
        stepsPerEpoch = event.stepsPerEpoch;
        break;
      case "progress": {
        if (!live) break;
        // Many short epochs pass too quickly to look at each.
        const share = epochs > lines ? event.step / event.totalSteps : event.stepInEpoch / stepsPerEpoch;
        const tail = `${String(Math.floor(share * 100)).padStart(3)} %  ${showScores(event.scores)}  ${showCount(event.samplesPerSecond)} samples/s  ${showTime(event.secondsLeft)} left`;
        const head = `${epochName(event.epoch)}  `;
        const room = (output.columns ?? 80) - 1 - head.length - tail.length;
        const width = Math.min(mostBar, room - 1);
        const drawn = width >= leastBar ? `${paint(36, bar(share, width))} ` : "";
        const text = head + drawn + tail;
        output.write(`\r\u001b[K${drawn === "" ? text.slice(0, (output.columns ?? 80) - 1) : text}`);
        shown = true;
        break;
      }
      case "epoch": {
        if (event.epoch % Math.ceil(epochs / lines) !== 0 && event.epoch !== epochs) break;
        const parts = [epochName(event.epoch), showScores(event.training)];
        if (event.validation !== null) parts.push(`${held} ${showScores(event.validation)}`);
        if (epochs <= lines) parts.push(`${event.seconds.toFixed(1)} s`);
        line(parts.join("  "));
        break;
      }
      case "notice":
        line(event.level === "warning" ? paint(33, event.text) : event.text);
        break;
      case "stop":
        line(`stopped: ${event.reason}`);
        break;
      case "end":
        clear();
        break;
      case "fold":
        if (!live) break;
        output.write(`\r\u001b[Kfold ${event.fold}/${event.folds}  λ ${showNumber(event.lambda)}  error ${showNumber(event.score)}`);
        shown = true;
        break;
      case "checkpoint":
        break;
    }
  };
  return { sink, clear };
}
