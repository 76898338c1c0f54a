// The peers: scripts that train the same workloads with other libraries, each run as a process of its own. Nothing is installed here;
// what a machine has is found by trying it.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";

/** Our own script for PyTorch's predictions. */
const predictions = fileURLToPath(new URL("torch_inference.py", import.meta.url));

export interface Row {
  readonly peer: string;
  readonly version?: string;
  readonly workload: string;
  readonly threads: number;
  readonly msPerStep: number;
  readonly least: number;
}

/** A command that prints rows. */
export interface Contestant {
  /** The peer's name in its rows, or the beginning of several. */
  readonly name: string;
  rows(workload: string): Row[];
}

/** Runs a command and reads the JSON rows that it prints; a peer that fails has none. */
export function rowsOf(command: string, parameters: readonly string[], cwd: string, threads: number): Row[] {
  const { stdout } = spawnSync(command, parameters, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"], timeout: 600_000 });
  const lines = (stdout ?? "").split("\n").filter((line) => line.startsWith("{"));
  const rows = lines.map((line) => ({ threads, ...(JSON.parse(line) as Partial<Row>) }));
  return rows.filter((row): row is Row => row.msPerStep !== undefined);
}

/**
 * The peers that run here.
 *
 * @param folder where the scripts lie; packages of npm must be installed there.
 * @param python the interpreter that has torch and jax.
 * @param threads for those that can be told. JAX cannot, and TensorFlow.js and jax-js have one thread or their own number.
 */
export function findPeers(folder: string, python: string, threads: number): Contestant[] {
  const found: Contestant[] = [];
  const add = (name: string, command: string, parameters: (workload: string) => string[], counted: number) =>
    found.push({ name, rows: (workload) => rowsOf(command, parameters(workload), folder, counted) });
  if (imports(python, "torch")) {
    const script = (workload: string) => (workload.endsWith("-1") ? [predictions, folder] : ["torch_train.py"]);
    const torch = (workload: string) => [...script(workload), "--threads", String(threads), "--only", workload];
    add("torch", python, torch, threads);
    add("torch-compile", python, (workload) => [...torch(workload), "--compile"], threads);
  }
  if (threads === availableParallelism() && imports(python, "jax, optax"))
    add("jax", python, (workload) => ["jax_train.py", "--only", workload], threads);
  if (existsSync(`${folder}/node_modules/@jax-js`)) add("jax-js-wasm", process.execPath, (workload) => ["jaxjs_train.mjs", workload], 1);
  if (existsSync(`${folder}/node_modules/@tensorflow`))
    add("tfjs-wasm", process.execPath, (workload) => ["tfjs_train.cjs", "wasm", workload], 1);
  return found;
}

function imports(python: string, modules: string): boolean {
  return spawnSync(python, ["-c", `import ${modules}`], { stdio: "ignore" }).status === 0;
}
