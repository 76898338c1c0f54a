import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { crossValidate, logSpaced, summarise } from "../../src/tune/index.ts";
import type { RunEvent } from "../../src/util/events.ts";

/** Ridge with one coefficient and no intercept: w = Σxy / (Σx² + nλ/2). */
const x = Float64Array.from({ length: 40 }, (_, i) => Math.sin(i * 12.9898) * 2);
const y = x.map((v, i) => 0.7 * v + Math.sin(i * 78.233));
const slope = (rows: Int32Array, lambda: number) => {
  let [xy, xx] = [0, 0];
  for (const i of rows) {
    xy += (x[i] as number) * (y[i] as number);
    xx += (x[i] as number) ** 2;
  }
  return xy / (xx + (rows.length * lambda) / 2);
};
const error = (w: number, rows: Int32Array) =>
  rows.reduce((sum, i) => sum + ((y[i] as number) - w * (x[i] as number)) ** 2, 0) / rows.length;
const lambdas = [100, 0.01, 1, 10];

describe("crossValidate", () => {
  test("learns on the other folds only, judges on the one left out, and once more on everything", async () => {
    const trained: [number, number][] = [];
    const judged = new Map<number, number>();
    const events: RunEvent[] = [];
    const result = await crossValidate({
      samples: 40,
      folds: 4,
      seed: 3,
      lambdas,
      train: (rows, lambda) => {
        trained.push([rows.length, lambda]);
        return { w: slope(rows, lambda), rows };
      },
      score: (model, rows) => {
        for (const i of rows) {
          expect(model.rows).not.toContain(i);
          judged.set(i, (judged.get(i) ?? 0) + 1);
        }
        return error(model.w, rows);
      },
      onEvent: (event) => events.push(event),
    });
    expect([...judged.values()]).toEqual(new Array(40).fill(lambdas.length));
    expect(trained.slice(0, -1).every(([n]) => n === 30)).toBe(true);
    expect(trained.at(-1)).toEqual([40, result.lambda]);
    expect(result.model.w).toBe(
      slope(
        Int32Array.from({ length: 40 }, (_, i) => i),
        result.lambda,
      ),
    );
    expect(result.lambdas).toEqual([0.01, 1, 10, 100]);
    expect(result.lambda).toBe(result.lambdas[result.best]);
    expect(result.mean[result.best]).toBe(Math.min(...result.mean));
    expect(events).toHaveLength(16);
    expect(events[0]).toMatchObject({ type: "fold", fold: 1, folds: 4, lambda: 100 });
  });

  test("the one-standard-error choice is refitted when asked for", async () => {
    const options = { samples: 40, lambdas, train: slope, score: error };
    const result = await crossValidate({ ...options, choose: "oneStandardError" });
    expect(result.lambda).toBe(result.lambdas[result.oneStandardError]);
    expect(result.oneStandardError).toBeGreaterThanOrEqual(result.best);
    expect(result.model).toBe(
      slope(
        Int32Array.from({ length: 40 }, (_, i) => i),
        result.lambda,
      ),
    );
  });

  test.each([
    [{ lambdas: [] }, "lambdas is empty"],
    [{ lambdas: [-1] }, "a strength in lambdas is out of range; got -1"],
    [{ lambdas: [Number.NaN] }, "got NaN"],
    [{ lambdas: [1, 1] }, "a strength stands twice"],
    [{ folds: 1 }, "folds must be an integer from 2"],
    [{ fold: 3 }, 'there is no option "fold". Did you mean "folds"?'],
    [{ score: () => Number.NaN }, "no strength gave a finite error"],
  ])("refuses %j", async (extra, message) => {
    await expect(crossValidate({ samples: 40, lambdas, train: slope, score: error, ...extra })).rejects.toThrow(message);
  });
});

describe("summarise", () => {
  test("the figures by hand", () => {
    const summary = summarise(
      [1, 2, 3],
      [
        [2, 4],
        [1, 3],
        [2.5, 3],
      ],
    );
    expect(summary.mean).toEqual([3, 2, 2.75]);
    expect(summary.standardError[1]).toBeCloseTo(Math.SQRT2 / Math.SQRT2, 12);
    expect(summary).toMatchObject({ best: 1, oneStandardError: 2 });
  });

  test("equal means: the stronger penalty; what diverged is never chosen", () => {
    expect(
      summarise(
        [1, 2, 3],
        [
          [1, 1],
          [1, 1],
          [Number.NaN, 1],
        ],
      ),
    ).toMatchObject({ best: 1, oneStandardError: 1 });
  });

  const path = "../shared/reference/regularization.json";
  if (existsSync(path)) {
    interface Reference {
      id: string;
      lambdas?: number[];
      cv?: { mean: number[]; standard_error: number[]; folds?: number[][] };
      chosen: { index: number };
      one_standard_error: { index: number };
    }
    const results = (JSON.parse(readFileSync(path, "utf8")).results as Reference[]).filter(
      (r) => r.cv?.folds !== undefined && r.lambdas !== undefined,
    );
    test.each(results.map((r) => [r.id, r] as const))("agrees with the stored cross-validation: %s", (_, r) => {
      // Lists go from strong to weak or back; ours from weak to strong.
      const lambdas = r.lambdas as number[];
      const flip = (lambdas[0] as number) > (lambdas[1] as number);
      const order = <T>(list: readonly T[]) => (flip ? [...list].reverse() : list);
      const index = (i: number) => (flip ? lambdas.length - 1 - i : i);
      const cv = r.cv as { mean: number[]; standard_error: number[]; folds: number[][] };
      const summary = summarise(order(lambdas), order(cv.folds));
      for (const [i, m] of summary.mean.entries()) expect(m / (order(cv.mean)[i] as number)).toBeCloseTo(1, 12);
      for (const [i, s] of summary.standardError.entries()) expect(s / (order(cv.standard_error)[i] as number)).toBeCloseTo(1, 9);
      expect(index(summary.best)).toBe(r.chosen.index);
      expect(index(summary.oneStandardError)).toBe(r.one_standard_error.index);
    });
  }
});

test("logSpaced", () => {
  expect(logSpaced(1e-4, 1, 5)).toEqual([0.0001, 0.001, 0.01, 0.1, 1]);
  expect(() => logSpaced(0, 1, 3)).toThrow("low is out of range; got 0, expected a finite number above 0");
});
