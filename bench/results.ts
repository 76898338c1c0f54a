// The benchmark page: every row of one run as a table in Markdown, with what it was measured on.

import { cpus } from "node:os";
import type { Row } from "./peers.ts";

/** Peers whose fastest is what we are compared with. */
const rivals = ["torch", "torch-compile", "jax"];

/** The least milliseconds of PyTorch, compiled PyTorch and JAX for a workload; NaN where none ran. */
export function fastestRival(rows: readonly Row[], workload: string): number {
  const times = rows.filter((r) => r.workload === workload && rivals.includes(r.peer)).map((r) => r.msPerStep);
  return times.length === 0 ? Number.NaN : Math.min(...times);
}

/** The page. Rows of one peer and workload stand once: the median of its turns. */
export function resultsPage(rows: readonly Row[], threads: number, date: Date): string {
  const peers = [...new Set(rows.map((r) => r.peer))];
  const workloads = [...new Set(rows.map((r) => r.workload))];
  const cell = (peer: string, workload: string) => {
    const row = rows.find((r) => r.peer === peer && r.workload === workload);
    if (row === undefined) return "";
    const ratio = row.msPerStep / fastestRival(rows, workload);
    return peer.startsWith("downhill") && ratio > 0 ? `${figure(row.msPerStep)} (${ratio.toFixed(2)} ×)` : figure(row.msPerStep);
  };
  const lines = [["", ...workloads], ["---", ...workloads.map(() => "---")], ...peers.map((p) => [p, ...workloads.map((w) => cell(p, w))])];
  const versions = peers.flatMap((peer) => rows.find((r) => r.peer === peer && r.version !== undefined) ?? []);
  return `# One training step, in milliseconds

Written by \`npm run bench -- --peers\`. Medians of turns, everything in one run; in brackets our time over the fastest of
PyTorch, compiled PyTorch and JAX.

- date: ${date.toISOString().slice(0, 10)}
- machine: ${cpus()[0]?.model.trim()}, ${cpus().length} cores; ${threads} ${threads === 1 ? "thread" : "threads"}
- versions: Node ${process.versions.node}${versions.map((r) => `, ${r.peer} ${r.version}`).join("")}

${lines.map((line) => `| ${line.join(" | ")} |`).join("\n")}
`;
}

function figure(milliseconds: number): string {
  return milliseconds >= 100 ? milliseconds.toFixed(0) : milliseconds.toPrecision(milliseconds < 0.001 ? 2 : 3);
}
