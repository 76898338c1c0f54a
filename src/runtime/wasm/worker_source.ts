// What a worker thread runs, as text: bundlers follow no file that a worker would load, and rename what a function's own text names.
// It knows the words that share.ts writes about, gets modules by message, and is otherwise inside a module's `work`.

/** Runs in Node's worker_threads and in browsers' Web Workers. The first message is a `Greeting`, the others are `Letter`s. */
export const workerSource = `"use strict";
const port = globalThis.process?.getBuiltinModule?.("node:worker_threads").parentPort ?? globalThis;
const programs = new Map();
let memory, words, at, slot, mail, received = 0;

port.onmessage = ({ data }) => {
  if (memory === undefined) {
    ({ memory, layout: at, slot } = data);
    words = new Int32Array(memory.buffer);
    mail = (slot + at.mail) >> 2;
    return;
  }
  received++;
  const { program, module, hostFunctions } = data;
  if (program === undefined) {
    port.postMessage(null);
    return port.close();
  }
  if (module === undefined) programs.delete(program);
  else if (!programs.has(program)) {
    const host = { memory };
    for (const name of hostFunctions) host[name] = Math[name] ?? (() => { throw new Error(name + " is not for workers"); });
    programs.set(program, new WebAssembly.Instance(module, { host }));
  }
  serve();
};

function serve() {
  while (Atomics.load(words, mail) === received) {
    const state = Atomics.load(words, at.state >> 2);
    const program = Atomics.load(words, at.program >> 2);
    const instance = programs.get(program);
    if (instance === undefined) {
      Atomics.add(words, at.sleepers >> 2, 1);
      Atomics.wait(words, at.state >> 2, state);
      Atomics.sub(words, at.sleepers >> 2, 1);
      continue;
    }
    try {
      instance.exports.work(slot, program, received);
    } catch {
      // A kernel trapped, inside a job: the caller is told and need not wait.
      Atomics.store(words, at.trapped >> 2, 1);
      Atomics.sub(words, at.state >> 2, 1);
      Atomics.notify(words, at.state >> 2);
    }
  }
}
`;
