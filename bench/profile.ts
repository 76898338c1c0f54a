// node bench/profile.ts [--device native] [--threads N] [--rows N] [workload…]: where the time of each workload's step goes.

import { parseArgs } from "node:util";
import { type DeviceName, setDevice, setThreads } from "../src/index.ts";
import { profile } from "../src/profile/index.ts";
import { timed } from "./timing.ts";
import { makeWorkload, workloads } from "./workloads.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { device: { type: "string", default: "native" }, threads: { type: "string" }, rows: { type: "string", default: "25" } },
});
setDevice(values.device as DeviceName);
if (values.threads !== undefined) setThreads(Number(values.threads));
for (const name of positionals.length > 0 ? positionals : Object.keys(workloads)) {
  const { step } = makeWorkload(name);
  const found = await profile(() => timed(step, 2));
  console.log(`\n${name}: ${found.print(Number(values.rows))}`);
}
