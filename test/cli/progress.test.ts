import { expect, test } from "vitest";
import { showCount, showNumber, showProgress, showTime } from "../../src/cli/progress.ts";
import { alignTable } from "../../src/cli/report.ts";
import type { RunEvent } from "../../src/util/events.ts";

const start: RunEvent = {
  type: "start",
  device: "wasm",
  parameters: 1,
  samples: 100,
  batchSize: 10,
  epochs: 2,
  stepsPerEpoch: 10,
  step: 0,
  settings: {},
};
const half: RunEvent = {
  type: "progress",
  epoch: 1,
  step: 5,
  totalSteps: 20,
  stepInEpoch: 5,
  scores: { loss: 0.51234, accuracy: 0.8 },
  samplesPerSecond: 41250.4,
  secondsLeft: 67.2,
};
const epoch: RunEvent = {
  type: "epoch",
  epoch: 1,
  step: 10,
  seconds: 1.24,
  training: { loss: 0.5 },
  validation: { loss: 0.4, accuracy: 0.9 },
};

function screen(options: { isTTY?: boolean; columns?: number; held?: string }) {
  let text = "";
  const output = {
    ...options,
    write: (t: string) => {
      text += t;
    },
  };
  return { ...showProgress(output, options.held), text: () => text };
}

test("on a terminal: a bar with loss, accuracy, speed and time left, taken away before each line", () => {
  const { sink, clear, text } = screen({ isTTY: true, columns: 120 });
  for (const event of [start, half, epoch, half]) sink(event);
  clear();
  const [redrawn, afterwards] = text().split("\n") as [string, string];
  const bar = `epoch 1/2  ${"━".repeat(14)}${"─".repeat(14)}  50 %  loss 0.5123  accuracy 0.8  41,250 samples/s  1:07 left`;
  expect(redrawn).toBe(`\r\u001b[K${bar}\r\u001b[Kepoch 1/2  loss 0.5  validation loss 0.4  accuracy 0.9  1.2 s`);
  expect(afterwards).toBe(`\r\u001b[K${bar}\r\u001b[K`);
});

test("80 columns have room for a shorter bar", () => {
  const { sink, text } = screen({ isTTY: true, columns: 80 });
  for (const event of [start, half]) sink(event);
  const line = text().replace("\r\u001b[K", "");
  expect(line).toMatch(/^epoch 1\/2 {2}━+╸?─+ {2}50 % /);
  expect(line.length).toBeLessThan(80);
});

test("a narrow terminal gets no bar and no second line", () => {
  const { sink, text } = screen({ isTTY: true, columns: 40 });
  for (const event of [start, half]) sink(event);
  expect(text()).toBe(`\r\u001b[K${"epoch 1/2   50 %  loss 0.5123  accuracy 0.8".slice(0, 39)}`);
});

test("elsewhere: one line an epoch, no control characters; of many epochs only some", () => {
  const { sink, text } = screen({ held: "test" });
  for (const event of [start, half, epoch]) sink(event);
  sink({ type: "stop", epoch: 1, step: 10, reason: "enough" });
  expect(text()).toBe("epoch 1/2  loss 0.5  test loss 0.4  accuracy 0.9  1.2 s\nstopped: enough\n");
  const many = screen({});
  many.sink({ ...start, epochs: 1000 });
  for (let e = 1; e <= 1000; e++) many.sink({ ...epoch, epoch: e });
  expect(many.text().trimEnd().split("\n")).toHaveLength(20);
  expect(many.text()).toContain("epoch 1000/1000");
});

test("numbers, counts and times as people read them", () => {
  expect([0, 0.123456, 12.3456, 12345.6, 1.5e-7, 2e8, Number.NaN].map(showNumber)).toEqual([
    "0",
    "0.1235",
    "12.35",
    "12346",
    "1.5e-7",
    "2e8",
    "NaN",
  ]);
  expect(showCount(1234567.4)).toBe("1,234,567");
  expect([0, 7.4, 67, 3723, Number.POSITIVE_INFINITY].map(showTime)).toEqual(["0:00", "0:07", "1:07", "1:02:03", "–:––"]);
});

test("tables: numbers to the right, texts to the left", () => {
  expect(
    alignTable([
      ["λ", "name"],
      ["0.001", "a"],
      ["10", "long"],
    ]),
  ).toEqual(["    λ  name", "0.001  a", "   10  long"]);
});
