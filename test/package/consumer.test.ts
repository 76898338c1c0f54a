// The packed package, installed in a fresh project: it imports, type-checks and trains on Node 22 and 24.

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "downhill-consumer-"));

function run(command: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: "utf8" });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} failed:\n${stdout}\n${stderr}`);
  return stdout;
}

const program = `
import { type Callback, fit, type History } from "downhill/train";
import { hessianVectorProduct, vmap } from "downhill/transforms";
import { crossValidate } from "downhill/tune";
import { compile, gradients, mse, sgd, type Tensor, tensor, type Variable, variable } from "downhill";
import { Conv2d, Linear, Sequential } from "downhill/nn";
import { adamW } from "downhill/optim";
import { l2 } from "downhill/regularize";
import { crossEntropy } from "downhill/loss";
import { parseCsv } from "downhill/data";

const W: Variable = variable([[1], [2]], "W");
const x = tensor([[1, 2], [3, 4]]);
const y = tensor([[5], [6]]);
const optimizer = sgd({ learningRate: 0.01 });
const step = compile((x: Tensor, y: Tensor): Tensor => {
  const loss = mse(x.matmul(W), y);
  optimizer.minimize(loss);
  return loss;
});
const first: number = await step(x, y).item();
let last = first;
for (let i = 0; i < 50; i++) last = await step(x, y).item();
const data: Float32Array = await W.data();
// @ts-expect-error int32 data is not a Float32Array
const wrong: Float32Array = await tensor([1, 2], { dtype: "int32" }).data();
const names: unknown[] = [fit, gradients, Linear, Sequential, adamW, l2, crossEntropy, parseCsv, hessianVectorProduct, vmap, crossValidate, Conv2d];
if (names.some((f) => typeof f !== "function")) throw new Error("an export is missing");
export type Used = [Callback, History, typeof wrong];
console.log(JSON.stringify({ first, last, length: data.length }));
`;

describe("a fresh consumer project", () => {
  beforeAll(() => {
    run("npm", ["pack", "--pack-destination", folder, "--loglevel", "error"], root);
    const archive = readdirSync(folder).find((name) => name.endsWith(".tgz")) as string;
    mkdirSync(join(folder, "src"));
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "consumer", private: true, type: "module" }));
    writeFileSync(join(folder, "src/main.ts"), program);
    const options = {
      target: "es2022",
      module: "nodenext",
      strict: true,
      skipLibCheck: false,
      rootDir: "src",
      outDir: "out",
      types: [],
      lib: ["es2022", "dom"],
    };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions: options, include: ["src"] }));
    const node22 = `node-${process.platform === "win32" ? "win" : process.platform}-${process.arch}@22`;
    run("npm", ["install", "--no-audit", "--no-fund", "--loglevel", "error", `./${archive}`, node22], folder);
  }, 180_000);

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("type-checks under strict, declarations included", () => {
    run(join(root, "node_modules/.bin/tsc"), ["-p", "."], folder);
    expect(readdirSync(join(folder, "out"))).toContain("main.js");
  });

  it.each(["22", "24"])("trains on Node %s", (major) => {
    const node =
      major === "22"
        ? join(folder, `node_modules/node-${process.platform === "win32" ? "win" : process.platform}-${process.arch}/bin/node`)
        : process.execPath;
    expect(run(node, ["--version"], folder)).toMatch(new RegExp(`^v${major}\\.`));
    const result = JSON.parse(run(node, ["out/main.js"], folder)) as { first: number; last: number; length: number };
    expect(result.length).toBe(2);
    // As 51 steps in plain JavaScript give it.
    expect([result.first, result.last]).toEqual([12.5, expect.closeTo(1.789194, 4)]);
  });

  it("carries no sources, tests or install scripts", () => {
    const names = readdirSync(join(folder, "node_modules/downhill")).sort();
    expect(names).toEqual(["CHANGELOG.md", "LICENSE", "README.md", "bin", "dist", "package.json"]);
  });
});
