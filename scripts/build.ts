// Builds the package: tsc alone, from a clean folder, so that nothing stale is packed, and the workers' source as a file of its own, for
// pages that want one. Into dist/, or into the folder that is named.

import { spawnSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { workerSource } from "../src/runtime/wasm/worker_source.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const out = process.argv[2] ?? `${root}/dist`;
rmSync(out, { recursive: true, force: true });
const { status, error } = spawnSync(`${root}/node_modules/.bin/tsc`, ["-p", "tsconfig.build.json", "--outDir", out], {
  cwd: root,
  stdio: "inherit",
});
if (error !== undefined) throw error;
if (status === 0) writeFileSync(`${out}/worker.js`, workerSource);
process.exitCode = status ?? 1;
