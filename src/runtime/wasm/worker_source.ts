// What a worker runs, as text: bundlers follow no file that a worker would load, and rename what a function's own text names.
// job.ts has the protocol; the first message brings its numbers.

/** Runs in Node's worker_threads and in browsers' Web Workers. The first message is a `Greeting`, the others are `Letter`s. */
export const workerSource = `"use strict";
const port = globalThis.process?.getBuiltinModule?.("node:worker_threads").parentPort ?? globalThis;
const programs = new Map();
let memory, words, at, slot, own, open, sequence, looks, received = 0;

port.onmessage = ({ data }) => {
  if (memory === undefined) {
    ({ memory, at, slot, own, open, sequence, looks } = data);
    words = new Int32Array(memory.buffer);
    return;
  }
  received++;
  const { program, module, parts } = data;
  if (program === undefined) {
    port.postMessage(null);
    port.close();
    return;
  }
  if (module === undefined) programs.delete(program);
  else programs.set(program, thunksOf(module, parts));
  serve();
};

function thunksOf(module, parts) {
  const host = { memory };
  // What \`Math\` lacks is called by what the caller runs alone.
  for (const { name, kind } of WebAssembly.Module.imports(module)) if (kind === "function") host[name] = Math[name] ?? (() => {});
  const { exports } = new WebAssembly.Instance(module, { host });
  return Array.from({ length: parts }, (_, i) => exports["part" + i]);
}

// Helps with jobs until there is mail.
function serve() {
  for (let left = looks; Atomics.load(words, own + slot.mail) === received; left--) {
    const state = Atomics.load(words, at.state);
    if ((state & open) !== 0 && (state & -sequence) !== words[own + slot.seen]) {
      if (Atomics.compareExchange(words, at.state, state, state + 1) !== state) continue;
      words[own + slot.seen] = state & -sequence;
      help();
      Atomics.sub(words, at.state, 1);
      if (Atomics.load(words, at.waiting) !== 0) Atomics.notify(words, at.state);
      left = looks;
    } else if (left <= 0) {
      Atomics.add(words, at.sleepers, 1);
      Atomics.wait(words, at.state, state);
      Atomics.sub(words, at.sleepers, 1);
      left = looks;
    }
  }
}

function help() {
  const thunks = programs.get(words[at.program]);
  if (thunks === undefined) return;
  const run = thunks[words[at.thunk]];
  const extent = words[at.extent], part = words[at.part], parts = words[at.parts];
  try {
    for (let i = Atomics.add(words, at.next, 1); i < parts; i = Atomics.add(words, at.next, 1)) {
      run(4 * own, i * part, Math.min((i + 1) * part, extent));
      if (words[own] === 0 || words[own + slot.failed] !== 0) continue;
      words[own + slot.failed] = i + 1;
      Atomics.add(words, at.failures, 1);
    }
  } catch {
    words[at.trapped] = 1;
  }
}
`;
