// npm run bench: milliseconds of one training step for each workload; with --peers, the peers' scripts in the same run.

import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { device, setDevice, setThreads, threads } from "../src/index.ts";
import { type Contestant, findPeers, type Row, rowsOf } from "./peers.ts";
import { fastestRival, resultsPage } from "./results.ts";
import { timed } from "./timing.ts";
import { makeWorkload, workloads } from "./workloads.ts";

const help = `npm run bench -- [options] [DIR]
  --device NAME    wasm, native, reference or auto (default auto; with --peers: native and wasm)
  --workload NAME  ${Object.keys(workloads).join(", ")} (default: all)
  --threads N      threads to use (default: one for each core)
  --seconds S      measuring time of each row, in seconds (default 4)
  --json           one JSON object a line
  --peers          also run the peers that are found, each in a process of its own, in turns with ours, and write bench/RESULTS.md;
                   DIR holds their scripts (default ../shared/peers) and what npm installs for them
  --python PATH    with --peers: the interpreter that has torch and jax (default python3)
  --rounds N       with --peers: turns (default 3); the figure is the median turn`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    device: { type: "string" },
    workload: { type: "string" },
    threads: { type: "string" },
    seconds: { type: "string", default: "4" },
    json: { type: "boolean", default: false },
    peers: { type: "boolean", default: false },
    python: { type: "string", default: "python3" },
    rounds: { type: "string", default: "3" },
    help: { type: "boolean", default: false },
  },
});

const results = fileURLToPath(new URL("RESULTS.md", import.meta.url));

function print(row: Row): void {
  if (values.json) console.log(JSON.stringify(row));
  else
    console.log(
      `${row.peer.padEnd(18)} ${row.workload.padEnd(12)} ${row.msPerStep.toPrecision(4).padStart(10)} ms a step, least ${row.least.toPrecision(4)}`,
    );
}

/** Our own rows for one workload, measured in this process. */
async function own(workload: string): Promise<void> {
  const common = { peer: `downhill-${device().name}`, threads: threads().count };
  const seconds = Number(values.seconds);
  const made = makeWorkload(workload);
  const { median, least } = await timed(() => made.step(), seconds);
  print({ ...common, workload, msPerStep: median, least });
  if (workload !== "tiny") return;
  const steps = 10_000;
  const many = await timed(() => made.repeat(steps), seconds, steps);
  print({ ...common, workload: "tiny-repeat", msPerStep: many.median, least: many.least });
}

/** This program in a process of its own, for one device. */
function ourselves(name: string): Contestant {
  const self = [fileURLToPath(import.meta.url), "--json", "--device", name, "--seconds", values.seconds];
  const parameters = [...self, "--threads", String(threads().count)];
  return {
    name: `downhill-${name}`,
    rows: (workload) => rowsOf(process.execPath, [...parameters, "--workload", workload], process.cwd(), threads().count),
  };
}

/** The median turn of each peer and workload. */
function mediansOf(turns: readonly Row[]): Row[] {
  const groups = Map.groupBy(turns, (row) => `${row.peer} ${row.workload}`);
  return [...groups.values()].map((rows) => {
    const sorted = rows.map((r) => r.msPerStep).sort((a, b) => a - b);
    const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]] as [number, number];
    return { ...(rows[0] as Row), msPerStep: (low + high) / 2, least: Math.min(...rows.map((r) => r.least)) };
  });
}

/** Ours and the peers' in turns, workload by workload; prints the medians and the ratio of ours to the fastest rival. */
function compare(chosen: readonly string[]): void {
  const folder = positionals[0] ?? fileURLToPath(new URL("../../shared/peers", import.meta.url));
  const peers = findPeers(folder, values.python, threads().count);
  if (peers.length === 0)
    throw new Error(`bench: no peers are found; name a folder whose npm packages are installed, or --python with torch or jax`);
  const contestants = [...(values.device === undefined ? ["native", "wasm"] : [values.device]).map(ourselves), ...peers];
  const all: Row[] = [];
  for (const workload of chosen) {
    const turns: Row[] = [];
    for (let round = 0; round < Number(values.rounds); round++) for (const { rows } of contestants) turns.push(...rows(workload));
    const medians = mediansOf(turns);
    for (const row of medians) print(row);
    if (!values.json) {
      const rival = fastestRival(medians, workload);
      for (const row of medians)
        if (row.peer.startsWith("downhill") && row.workload === workload)
          console.log(`  ${row.peer} / fastest of PyTorch and JAX: ${(row.msPerStep / rival).toFixed(3)}`);
    }
    all.push(...medians);
  }
  if (values.workload === undefined) writeFileSync(results, resultsPage(all, threads().count, new Date()));
}

if (values.help) console.log(help);
else {
  setDevice((values.device ?? "auto") as "auto");
  if (values.threads !== undefined) setThreads(Number(values.threads));
  const chosen = values.workload === undefined ? Object.keys(workloads) : [values.workload];
  if (values.peers) compare(chosen);
  else for (const workload of chosen) await own(workload);
}
