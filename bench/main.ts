// npm run bench: milliseconds of one training step for each workload; with --peers, the peers' scripts in the same run.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { device, setDevice } from "../src/index.ts";
import { timed } from "./timing.ts";
import { makeWorkload, workloads } from "./workloads.ts";

interface Row {
  readonly peer: string;
  readonly workload: string;
  readonly threads: number;
  readonly msPerStep: number;
  readonly least: number;
}

const help = `npm run bench -- [options]
  --device NAME    wasm, native, reference or auto (default auto)
  --workload NAME  ${Object.keys(workloads).join(", ")} (default: all)
  --threads N      threads to use; one is what there is so far (default 1)
  --seconds S      measuring time of each row, in seconds (default 4)
  --json           one JSON object a line
  --peers DIR      also run the peers' scripts in DIR, each in a process of its own, in turns with ours
  --rounds N       with --peers: turns (default 3); the figure is the median turn`;

const { values } = parseArgs({
  options: {
    device: { type: "string", default: "auto" },
    workload: { type: "string" },
    threads: { type: "string", default: "1" },
    seconds: { type: "string", default: "4" },
    json: { type: "boolean", default: false },
    peers: { type: "string" },
    rounds: { type: "string", default: "3" },
    help: { type: "boolean", default: false },
  },
});

function print(row: Row): void {
  if (values.json) console.log(JSON.stringify(row));
  else
    console.log(
      `${row.peer.padEnd(18)} ${row.workload.padEnd(12)} ${row.msPerStep.toPrecision(4).padStart(10)} ms a step, least ${row.least.toPrecision(4)}`,
    );
}

/** Our own rows for one workload, measured in this process. */
async function own(workload: string): Promise<void> {
  const common = { peer: `downhill-${device().name}`, threads: 1 };
  const seconds = Number(values.seconds);
  const made = makeWorkload(workload);
  const { median, least } = await timed(() => made.step(), seconds);
  print({ ...common, workload, msPerStep: median, least });
  if (workload !== "tiny") return;
  const steps = 10_000;
  const many = await timed(() => made.repeat(steps), seconds, steps);
  print({ ...common, workload: "tiny-repeat", msPerStep: many.median, least: many.least });
}

/** The JSON rows that a command prints. */
function rowsOf(command: readonly string[], cwd: string): Row[] {
  const { stdout } = spawnSync(process.execPath, command, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  const rows = stdout.split("\n").filter((line) => line.startsWith("{"));
  return rows.map((line) => JSON.parse(line) as Row).filter((row) => row.msPerStep !== undefined);
}

/** Ours and the peers' in turns; prints the median turn of each and the ratio of ours to it. */
function compare(folder: string, workload: string): void {
  const self = [fileURLToPath(import.meta.url), "--json", "--device", values.device, "--workload", workload, "--seconds", values.seconds];
  const commands: { command: string[]; cwd: string }[] = [{ command: self, cwd: process.cwd() }];
  if (existsSync(`${folder}/node_modules/@jax-js`)) commands.push({ command: [`${folder}/jaxjs_train.mjs`, workload], cwd: folder });
  if (existsSync(`${folder}/node_modules/@tensorflow`))
    commands.push({ command: [`${folder}/tfjs_train.cjs`, "wasm", workload], cwd: folder });
  if (commands.length === 1) throw new Error(`bench: no peers are installed in ${folder}; run npm install there`);
  const turns = new Map<string, Row[]>();
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const { command, cwd } of commands) {
      for (const row of rowsOf(command, cwd)) {
        const key = `${row.peer} ${row.workload}`;
        turns.set(key, [...(turns.get(key) ?? []), row]);
      }
    }
  }
  let ours = Number.NaN;
  for (const rows of turns.values()) {
    const sorted = rows.map((r) => r.msPerStep).sort((a, b) => a - b);
    const median = sorted[sorted.length >> 1] as number;
    const first = rows[0] as Row;
    print({ ...first, threads: first.threads ?? 1, msPerStep: median, least: Math.min(...rows.map((r) => r.least)) });
    if (first.peer.startsWith("downhill")) {
      if (first.workload === workload) ours = median;
    } else if (!values.json) console.log(`  ours / ${first.peer}: ${(ours / median).toFixed(3)}`);
  }
}

if (values.help) console.log(help);
else {
  setDevice(values.device as "auto");
  for (const workload of values.workload === undefined ? Object.keys(workloads) : [values.workload]) {
    if (values.peers === undefined) await own(workload);
    else compare(values.peers, workload);
  }
}
