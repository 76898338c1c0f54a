#!/usr/bin/env node
// The entry of the command line.

import { fileMistake } from "../util/system.ts";
import { runProgram } from "./program.ts";

for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    // A reader that closes early, such as head, is no error.
    if (error.code === "EPIPE") process.exit(0);
    if (stream === process.stdout) process.stderr.write(`error: ${fileMistake("write", "standard output", error).message}\n`);
    process.exit(1);
  });
}
await runProgram(process.argv.slice(2));
