import { describe, expect, test } from "vitest";
import { drawChart, type History, lossCurve } from "../../src/train/index.ts";

const labels = (svg: string, anchor: string) =>
  [...svg.matchAll(new RegExp(`text-anchor="${anchor}"[^>]*>([^<]*)<`, "g"))].map((m) => m[1]);
const lines = (svg: string) =>
  [...svg.matchAll(/<polyline points="([^"]*)"/g)].map((m) =>
    (m[1] as string).split(" ").map((p) => p.split(",").map(Number) as [number, number]),
  );

const chart = (points: [number, number][], more = {}) =>
  drawChart({ title: "T & <co>", xLabel: "epoch", yLabel: "loss", series: [{ name: "training", points }], ...more });

describe("drawChart", () => {
  test("puts points where they belong, between round ticks", () => {
    const svg = chart([
      [0, 1],
      [1, 3],
      [2, 2],
    ]);
    const [[a, b, c]] = lines(svg) as [[[number, number], [number, number], [number, number]]];
    expect(b[0] - a[0]).toBeCloseTo(c[0] - b[0], 1);
    expect(b[1]).toBeLessThan(c[1]);
    expect(c[1]).toBeLessThan(a[1]);
    expect((a[1] + b[1]) / 2).toBeCloseTo(c[1], 1);
    expect(labels(svg, "end")).toEqual(["1", "1.5", "2", "2.5", "3"]);
  });

  test("values over orders of magnitude: a logarithmic scale, equal ratios equally far apart", () => {
    const svg = chart([
      [0, 1],
      [1, 0.1],
      [2, 0.01],
    ]);
    const [[a, b, c]] = lines(svg) as [[[number, number], [number, number], [number, number]]];
    expect(b[1] - a[1]).toBeCloseTo(c[1] - b[1], 1);
    expect(svg).toContain("loss (logarithmic)");
    expect(labels(svg, "end")).toContain("0.1");
  });

  test("values that are no numbers are left out; nothing, one point, a flat line are drawn", () => {
    const svg = chart([
      [0, 1],
      [1, Number.NaN],
      [2, Number.POSITIVE_INFINITY],
      [3, 2],
    ]);
    expect(lines(svg)[0]).toHaveLength(2);
    for (const points of [
      [],
      [[1, 5]],
      [
        [0, 2],
        [1, 2],
      ],
      [
        [0, 0],
        [1, 0],
      ],
      [
        [0, -3],
        [1, -1],
      ],
    ] as [number, number][][]) {
      const picture = chart(points);
      expect(picture).not.toMatch(/NaN|Infinity|undefined/);
      expect(picture.endsWith("</svg>\n")).toBe(true);
    }
  });

  test("texts are escaped, all tags closed, the legend names each line", () => {
    const svg = chart(
      [
        [0, 1],
        [1, 2],
      ],
      { subtitle: '"sub"', mark: { x: 1, caption: "best" } },
    );
    expect(svg).toContain("T &amp; &lt;co&gt;");
    expect(svg).toContain("&quot;sub&quot;");
    expect(svg).toMatch(/>training<[\s\S]*<\/svg>/);
    expect(svg).toContain(">best<");
    expect((svg.match(/<text/g) ?? []).length).toBe((svg.match(/<\/text>/g) ?? []).length);
  });
});

describe("lossCurve", () => {
  const record = (epoch: number, loss: number, validation: number | null) => ({
    epoch,
    step: epoch * 10,
    seconds: 1,
    training: { loss },
    validation: validation === null ? null : { loss: validation },
  });
  const history: History = {
    epochs: [record(1, 1, 0.9), record(2, 0.5, 0.6)],
    steps: Array.from({ length: 20 }, (_, i) => ({ epoch: (i + 1) / 10, loss: 1 / (i + 1) })),
  };

  test("steps pale, training at the middle of its epochs, validation at their ends", () => {
    const svg = lossCurve(history, { title: "x" });
    const [steps, training, validation] = lines(svg) as [[number, number][], [number, number][], [number, number][]];
    expect([steps.length, training.length, validation.length]).toEqual([20, 2, 2]);
    const right = (steps.at(-1) as [number, number])[0];
    expect((validation[1] as [number, number])[0]).toBeCloseTo(right, 1);
    expect((training[1] as [number, number])[0]).toBeLessThan(right);
    expect(svg).toContain(">validation<");
    expect(lossCurve(history, { title: "x", held: "test" })).toContain(">test<");
  });

  test("without validation there is no such line", () => {
    const svg = lossCurve({ ...history, epochs: [record(1, 1, null)] }, { title: "x" });
    expect(svg).not.toContain("validation");
    expect(lines(svg)).toHaveLength(2);
  });
});
