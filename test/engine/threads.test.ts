import { afterEach, expect, test } from "vitest";
import { setThreads, threads } from "../../src/index.ts";

afterEach(() => setThreads("auto"));

test.each([0, -1, 1.5, 257, Number.NaN, "2"])("%s is no number of threads, and changes nothing", (count) => {
  setThreads(1);
  expect(() => setThreads(count as number)).toThrow(/setThreads: a number of threads is an integer; got .*, expected 1 to 256/);
  expect(threads().count).toBe(1);
});
