// node bench/memory.ts: the memory of one step of each workload, and how near its arena is to the least possible.

import { type DeviceName, setDevice } from "../src/index.ts";
import { makeWorkload, workloads } from "./workloads.ts";

const kibibytes = (bytes: number): string =>
  Math.round(bytes / 1024)
    .toLocaleString("en")
    .padStart(10);

for (const device of ["wasm", "native"] satisfies DeviceName[]) {
  setDevice(device);
  console.log(`${device}, KiB`.padEnd(12), ...["inputs", "outputs", "arena", "at least", "ratio"].map((name) => name.padStart(10)));
  for (const name of Object.keys(workloads)) {
    const { inputs, outputs, arena, lowerBound } = makeWorkload(name).program().memory();
    console.log(name.padEnd(12), ...[inputs, outputs, arena, lowerBound].map(kibibytes), (arena / lowerBound).toFixed(3).padStart(10));
  }
}
