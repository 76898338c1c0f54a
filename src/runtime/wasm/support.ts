// What this engine's WebAssembly can do, found by asking it to validate a tiny module for each ability.

export interface WasmSupport {
  /** Whether there is WebAssembly at all. */
  readonly available: boolean;
  /** 128-bit vectors. */
  readonly simd: boolean;
  /** Relaxed multiply-add: a product and a sum rounded once where the processor can. */
  readonly relaxed: boolean;
  /** What is missing and what follows from it, for people; null where nothing is. */
  readonly reason: string | null;
}

let known: WasmSupport | undefined;

/** Tells the abilities of this engine's WebAssembly. */
export function wasmSupport(): WasmSupport {
  known ??= detect();
  return known;
}

function detect(): WasmSupport {
  if (typeof WebAssembly === "undefined")
    return { available: false, simd: false, relaxed: false, reason: "this JavaScript engine has no WebAssembly" };
  const vector = [0x41, 0x00, 0xfd, 0x11]; // i32.const 0, i32x4.splat
  const simd = validates(vector);
  const relaxed = simd && validates([...vector, ...vector, ...vector, 0xfd, 0x85, 0x02]); // f32x4.relaxed_madd
  const reason = !simd
    ? "this engine has no WebAssembly SIMD: kernels run one element at a time"
    : !relaxed
      ? "this engine has no relaxed SIMD: a multiply-add is two instructions"
      : null;
  return { available: true, simd, relaxed, reason };
}

/** Whether a function () → v128 of these instructions is valid. */
function validates(instructions: readonly number[]): boolean {
  const body = [0x00, ...instructions, 0x0b];
  const code = [0x01, body.length, ...body];
  const header = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
  const type = [0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b];
  return WebAssembly.validate(new Uint8Array([...header, ...type, 0x03, 0x02, 0x01, 0x00, 0x0a, code.length, ...code]));
}
