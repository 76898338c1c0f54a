// npm run conformance: exact answers and gradients of PyTorch's operators (../shared/conformance/README.md) against ours.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type DeviceName, DownhillError, device, setDevice } from "../../src/index.ts";
import { type Case, type ErrorCase, groupOf, readIndex, Tensors } from "./cases.ts";
import { type Outcome, runCase, runError } from "./run.ts";

const help = `npm run --silent conformance -- --cases DIR [options]
  --cases DIR     the folder with cases.json, error_cases.json and their tensors
  --device NAME   wasm, native, reference or auto (default auto)
  --double        the same in float64 (one case differs: nan_to_num fills in the largest number of the dtype)
  --ops A,B       only these operations, by torch's names
  --groups A,B    only these groups
  --tier 2        the cases of linear algebra instead
  --errors        calls that must fail with a clear error, instead
  --quiet         only the last line

A line for each case that fails; the last line is a summary as JSON. Exit code 1 if anything failed.`;

interface Count {
  passed: number;
  failed: number;
  unsupported: number;
}

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      cases: { type: "string" },
      device: { type: "string", default: "auto" },
      double: { type: "boolean", default: false },
      ops: { type: "string" },
      groups: { type: "string" },
      tier: { type: "string", default: "1" },
      errors: { type: "boolean", default: false },
      quiet: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(help);
    return 0;
  }
  const folder = values.cases ?? fail(`--cases is missing\n\n${help}`);
  const name = values.errors ? "error_cases.json" : values.tier === "2" ? "cases_tier2.json" : "cases.json";
  if (!existsSync(join(folder, name))) fail(`there is no ${join(folder, name)}`);
  setDevice(values.device as DeviceName | "auto");

  const ops = values.ops?.split(",");
  const groups = values.groups?.split(",");
  const tensors = new Tensors(folder, values.double ? "float64" : "float32");
  const counts = new Map<string, Count>();
  const missing = new Map<string, number>();
  const unclear: string[] = [];
  const started = performance.now();

  const note = (id: string, group: string, outcome: Outcome): void => {
    const count = counts.get(group) ?? { passed: 0, failed: 0, unsupported: 0 };
    counts.set(group, count);
    count[outcome.kind]++;
    if (outcome.kind === "failed" && !values.quiet) console.log(`FAILED ${id}: ${outcome.why}`);
    if (outcome.kind === "unsupported") missing.set(outcome.why, (missing.get(outcome.why) ?? 0) + 1);
    if (outcome.kind === "passed" && outcome.remark !== undefined) unclear.push(`UNCLEAR ${id}: ${outcome.remark}`);
  };
  const wanted = (op: string, group: string) => ops?.includes(op) !== false && groups?.includes(group) !== false;

  if (values.errors) {
    for (const c of readIndex<ErrorCase>(folder, name).cases) if (wanted(c.op, c.group)) note(c.id, c.group, await runError(c, tensors));
  } else {
    const index = readIndex<Case>(folder, name);
    for (const c of index.cases) if (wanted(c.op, groupOf(c))) note(c.id, groupOf(c), await runCase(c, tensors, index));
  }

  if (!values.quiet) {
    for (const line of unclear) console.log(line);
    for (const [why, count] of missing) console.log(`UNSUPPORTED ${count} ${count === 1 ? "case" : "cases"}: ${why}`);
  }
  const sum = (kind: keyof Count) => [...counts.values()].reduce((n, count) => n + count[kind], 0);
  const totals = { passed: sum("passed"), failed: sum("failed"), unsupported: sum("unsupported") };
  console.log(
    JSON.stringify({
      suite: values.errors ? "errors" : "cases",
      device: device().name,
      ...(values.double ? { dtype: "float64" } : {}),
      ...(values.errors ? {} : { tier: Number(values.tier) }),
      cases: totals.passed + totals.failed + totals.unsupported,
      ...totals,
      ...(values.errors ? { complete: totals.passed - unclear.length } : {}),
      seconds: Number(((performance.now() - started) / 1000).toFixed(1)),
      groups: Object.fromEntries(counts),
    }),
  );
  return totals.failed > 0 ? 1 : 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof DownhillError)) throw error;
  fail(error.message);
}
