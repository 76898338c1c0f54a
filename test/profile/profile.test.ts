import { spawnSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import {
  adam,
  compile,
  crossEntropy,
  Linear,
  normal,
  relu,
  Sequential,
  scan,
  seed,
  setDevice,
  stats,
  type Tensor,
  tensor,
} from "../../src/index.ts";
import { profile, startProfile } from "../../src/profile/index.ts";
import { nativeSupport } from "../../src/runtime/native/device.ts";

afterEach(() => setDevice("auto"));

function training() {
  seed(1);
  const model = new Sequential(new Linear(40, 64), relu, new Linear(64, 10));
  const optimizer = adam({ learningRate: 1e-3 });
  const x = normal([32, 40]);
  const y = tensor(
    Int32Array.from({ length: 32 }, (_, i) => i % 10),
    { dtype: "int32" },
  );
  return compile(() => {
    const loss = crossEntropy(model.forward(x), y);
    optimizer.minimize(loss);
    return loss;
  });
}

const { available } = nativeSupport();
const devices = available || process.env.CI ? (["wasm", "native"] as const) : (["wasm"] as const);

describe.each(devices)("profile on %s", (name) => {
  test("every kernel of the step stands there, with its calls, its time and what it reads", async () => {
    setDevice(name);
    const step = training();
    const found = await profile(async () => {
      for (let i = 0; i < 7; i++) await step().data();
    });
    expect(found.device).toBe(name);
    const products = found.kernels.filter((k) => k.name.startsWith("matmul"));
    // Two products forwards, and back two for the weights and one for the hidden layer.
    expect(products.reduce((sum, k) => sum + k.calls, 0)).toBe(5 * 7);
    const [first] = products.filter((k) => k.reads.includes("layers.0.bias"));
    expect(first?.flops).toBeGreaterThanOrEqual(2 * 32 * 40 * 64);
    expect(first?.flops).toBeLessThan(2.2 * 32 * 40 * 64);
    const updates = found.kernels.filter((k) => k.reads.some((name) => name.endsWith("0.mean")));
    expect(updates.reduce((sum, k) => sum + k.calls, 0)).toBe(4 * 7);
    for (const { seconds } of found.kernels) expect(seconds).toBeGreaterThan(0);
    expect(found.kernels.map((k) => k.seconds)).toEqual(found.kernels.map((k) => k.seconds).sort((a, b) => b - a));
    for (const stage of ["schedule", "lower", "place", "load"] as const) expect(found.compile[stage]).toBeGreaterThan(0);
    expect(found.peak.flops).toBeGreaterThan(1e8);
    expect(found.peak.bytes).toBeGreaterThan(1e7);
    const text = found.print(2);
    expect(text).toContain(`and ${found.kernels.length - 2} more kernels`);
    expect(text.split("\n").filter((line) => line.includes(" % "))).toHaveLength(2);
  });

  test("the same numbers come out, and afterwards the old program is used", async () => {
    setDevice(name);
    const [plain, watched] = [training(), training()];
    const losses = async (step: () => Tensor) => [await step().item(), await step().item()];
    const before = await losses(watched);
    let during: number[] = [];
    await profile(async () => {
      during = await losses(watched);
    });
    const { compiles } = stats();
    const after = await losses(watched);
    expect(stats().compiles).toBe(compiles);
    expect([before, during, after].flat()).toEqual([await losses(plain), await losses(plain), await losses(plain)].flat());
  });

  test("a kernel in a loop is counted each time", async () => {
    setDevice(name);
    const start = normal([33]);
    const sum = compile((x: Tensor) => scan((carry: Tensor, row: Tensor) => [carry.mul(0.5).add(row), carry], start, x)[0]);
    const x = normal([9, 33]);
    await sum(x).data();
    const { kernels } = await profile(() => sum(x).data());
    expect(kernels.filter((k) => k.name.includes("mul")).map((k) => k.calls)).toEqual([9]);
  });
});

describe("mistakes", () => {
  test("nothing ran", async () => {
    await expect(profile(() => {})).rejects.toThrow(/profile: no program ran/);
  });
  test("two at once", () => {
    const stop = startProfile();
    expect(startProfile).toThrow(/another profile is being taken/);
    expect(stop).toThrow(/no program ran/);
    // And the first one is over.
    expect(startProfile()).toThrow(/no program ran/);
  });
  test("an error in the body ends the profile", async () => {
    const own = new Error("own");
    await expect(profile(() => Promise.reject(own))).rejects.toBe(own);
    await expect(profile(() => tensor([1, 2]).add(1).data())).resolves.toMatchObject({ programs: 1 });
  });
});

describe("DOWNHILL_DEBUG", () => {
  const folder = mkdtempSync(join(tmpdir(), "downhill-debug-"));
  const script = join(folder, "script.mjs");
  writeFileSync(
    script,
    `import { tensor } from ${JSON.stringify(resolve("src/index.ts"))};\nconsole.log(await tensor([1, 2, 4]).exp().sum().item());\n`,
  );
  const run = (value: string) => {
    const env = { ...process.env, DOWNHILL_DEBUG: value };
    return spawnSync(process.execPath, [script], { env, encoding: "utf8", timeout: 60_000 });
  };

  test("prints the graph, the schedule and the loops of each program", () => {
    const { stdout, stderr } = run("1");
    expect(Number(stdout)).toBeCloseTo(Math.E + Math.E ** 2 + Math.E ** 4, 3);
    expect(stderr).toMatch(/program 1 on wasm: graph\n.*[\s\S]*= exp f32\[3\]/);
    expect(stderr).toMatch(/program 1 on wasm: schedule\nloops \[\] exp\+reduceSum/);
    expect(stderr).toMatch(/program 1 on wasm: loops\nexp\+reduceSum\(b0: f32, b1: write f32\) over 1/);
  });
  test("prints some of it", () => {
    expect(run("schedule").stderr.match(/── .*/g)).toEqual(["── program 1 on wasm: schedule"]);
    expect(run("0").stderr).toBe("");
  });
  test("says what there is", () => {
    expect(run("kernels").stderr).toContain("DOWNHILL_DEBUG: unknown part; got kernels, expected 1, or of graph, schedule, loops, code.");
  });
});
