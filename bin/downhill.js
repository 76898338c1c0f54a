#!/usr/bin/env node
// Plain JavaScript that any Node understands: says which Node is needed, then starts the command line, from the built
// package where there is one and from the sources in a checkout.
const [major] = process.versions.node.split(".").map(Number);
if (major < 22) {
  console.error(
    `downhill: Node ${process.versions.node} is too old; Node 22 or later is needed. In a checkout, use the npm scripts: they bring their own Node.`,
  );
  process.exit(1);
}
const { existsSync } = await import("node:fs");
const sources = new URL("../src/cli/main.ts", import.meta.url);
await import(existsSync(sources) ? sources.href : new URL("../dist/cli/main.js", import.meta.url).href);
