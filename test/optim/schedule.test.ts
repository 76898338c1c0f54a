import { existsSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { scalar, setDevice, tensor } from "../../src/index.ts";
import { constantRate, cosine, linearRate, oneCycle, type Schedule, warmup } from "../../src/optim/index.ts";

beforeAll(() => setDevice("reference"));
afterAll(() => setDevice("auto"));

/** The first `count` rates of a run of `total` steps. */
function rates(schedule: Schedule, count: number, total = count): number[] {
  const [step, totalSteps] = [scalar(0), scalar(total)];
  return Array.from({ length: count }, (_, k) => {
    step.value = k;
    return schedule({ step, totalSteps }).itemSync();
  });
}

/** Both are computed in double precision: exact to a few units of the last place. */
function expectRates(got: number[], want: number[]): void {
  for (const [k, v] of want.entries()) expect(Math.abs((got[k] as number) - v), `step ${k}`).toBeLessThanOrEqual(1e-12);
}

test("constant, linear, cosine", () => {
  expectRates(rates(constantRate(0.1), 3), [0.1, 0.1, 0.1]);
  expectRates(rates(linearRate(1, 0.2), 6, 4), [1, 0.8, 0.6, 0.4, 0.2, 0.2]);
  expectRates(rates(cosine(1, { final: 0.2 }), 6, 4), [1, 0.2 + 0.4 * (1 + Math.SQRT1_2), 0.6, 0.2 + 0.4 * (1 - Math.SQRT1_2), 0.2, 0.2]);
  expectRates(rates(cosine(1, { totalSteps: 2 }), 3, 100), [1, 0.5, 0]);
});

test("warm-up multiplies", () => {
  expectRates(rates(warmup(1, 4), 6), [0.25, 0.5, 0.75, 1, 1, 1]);
  expectRates(rates(warmup(linearRate(1, 0), 2), 3, 4), [0.5, 0.75, 0.5]);
});

test("one cycle: from peak / 25 up to the peak and down to nearly nothing, whatever the length", () => {
  for (const total of [1, 2, 3, 7, 100]) {
    const list = rates(oneCycle(1), total);
    expect(list.every((r) => r >= 0 && r <= 1 + 1e-12)).toBe(true);
    if (total > 4) {
      expect(list[0]).toBeGreaterThan(0.039);
      expect(list.at(-1)).toBeCloseTo(1 / 25 / 1e4, 12);
    }
  }
  expect(Math.max(...rates(oneCycle(0.5), 100))).toBeCloseTo(0.5, 12);
  expect(rates(oneCycle(0.5), 100).indexOf(Math.max(...rates(oneCycle(0.5), 100)))).toBe(29);
});

test("bad options are refused", () => {
  expect(() => oneCycle(Number.NaN)).toThrow("oneCycle: peak is out of range; got NaN");
  expect(() => oneCycle(1, { rise: 1.1 })).toThrow("rise is out of range");
  expect(() => cosine(1, { end: 0 } as never)).toThrow('cosine: there is no option "end"');
  expect(() => cosine(-1)).toThrow("peak is out of range; got -1");
  expect(() => warmup(1, 0)).toThrow("steps is out of range");
  expect(() => linearRate(1, 0, { totalSteps: 0 })).toThrow("totalSteps is out of range");
});

const path = "../shared/reference/schedules.json";
if (existsSync(path)) {
  interface Reference {
    id: string;
    class: string;
    base_lr: number;
    options: Record<string, number | string | boolean>;
    lr: number[];
  }
  /** The same schedule in our words, and the steps over which it is the same; null where we have none. */
  const build = ({ class: name, base_lr: base, options: o }: Reference): [Schedule, number] | null => {
    const n = (key: string) => o[key] as number;
    if (name === "CosineAnnealingLR" && n("T_max") >= 150)
      return [cosine(base, { final: n("eta_min"), totalSteps: n("T_max") }), n("T_max")];
    if (name === "LinearLR") return [linearRate(base * n("start_factor"), base * n("end_factor"), { totalSteps: n("total_iters") }), 200];
    if (name === "OneCycleLR" && o.anneal_strategy === undefined && o.three_phase === undefined)
      return [oneCycle(n("max_lr"), { totalSteps: n("total_steps") }), 200];
    return null;
  };
  const list = (JSON.parse(readFileSync(path, "utf8")).schedules as Reference[]).filter((r) => build(r) !== null);
  describe("stored rates of PyTorch", () => {
    test("there are some", () => expect(list.length).toBeGreaterThanOrEqual(5));
    test.each(list.map((r) => [r.id, r] as const))("%s", (_, r) => {
      const [schedule, steps] = build(r) as [Schedule, number];
      expectRates(rates(schedule, steps), r.lr.slice(0, steps));
    });
  });
}

test("rates are double precision scalars", () => {
  const at = { step: scalar(1), totalSteps: scalar(3) };
  for (const schedule of [constantRate(1), cosine(1), linearRate(1, 0), oneCycle(1), warmup(1, 2)]) {
    const rate = schedule(at);
    expect([rate.dtype, rate.rank]).toEqual(["float64", 0]);
    expect(tensor([2]).mul(rate).dtype).toBe("float32");
  }
});
