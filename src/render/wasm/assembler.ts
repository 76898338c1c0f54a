// Bytes of a WebAssembly module: instructions with their immediates, functions with their locals, and the sections around them.
// Knows the binary format and nothing of kernels. A `Code` is a run of instructions; runs may be written apart and joined later
// (labels are relative, locals belong to the function), which is how a loop's preheader is written while its body is.

import { type LocalType, op, valueType } from "./opcodes.ts";

const scratch = new DataView(new ArrayBuffer(8));
const scratchBytes = new Uint8Array(scratch.buffer);
const encoder = new TextEncoder();

export class Code {
  private buffer = new Uint8Array(64);
  private used = 0;

  /** The bytes so far; valid until the next write. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.buffer.subarray(0, this.used);
  }

  get length(): number {
    return this.used;
  }

  op(opcode: number): this {
    return opcode < 0x100 ? this.byte(opcode) : this.byte(opcode >>> 12).unsigned(opcode & 0xfff);
  }

  unsigned(value: number): this {
    let rest = value >>> 0;
    while (rest >= 0x80) {
      this.byte((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    return this.byte(rest);
  }

  signed(value: number): this {
    let rest = value | 0;
    for (;;) {
      const low = rest & 0x7f;
      rest >>= 7;
      if ((rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0)) {
        return this.byte(low);
      }
      this.byte(low | 0x80);
    }
  }

  byte(value: number): this {
    if (this.used === this.buffer.length) this.grow(1);
    this.buffer[this.used++] = value;
    return this;
  }

  name(text: string): this {
    const encoded = encoder.encode(text);
    return this.unsigned(encoded.length).raw(encoded, encoded.length);
  }

  append(other: Code): this {
    return this.raw(other.buffer, other.used);
  }

  get(local: number): this {
    return this.op(op.localGet).unsigned(local);
  }

  set(local: number): this {
    return this.op(op.localSet).unsigned(local);
  }

  tee(local: number): this {
    return this.op(op.localTee).unsigned(local);
  }

  i32(value: number): this {
    return this.op(op.i32Const).signed(value);
  }

  f32(value: number): this {
    scratch.setFloat32(0, value, true);
    return this.op(op.f32Const).raw(scratchBytes, 4);
  }

  f64(value: number): this {
    scratch.setFloat64(0, value, true);
    return this.op(op.f64Const).raw(scratchBytes, 8);
  }

  /** A vector with the given int32 in every lane, or with four given ones. */
  v128(...lanes: number[]): this {
    this.op(op.v128Const);
    for (let i = 0; i < 4; i++) {
      scratch.setInt32(0, lanes[lanes.length === 1 ? 0 : i] as number, true);
      this.raw(scratchBytes, 4);
    }
    return this;
  }

  /** A memory instruction: log₂ of the promised alignment, and the constant offset. */
  memory(opcode: number, alignment: number, offset: number): this {
    return this.op(opcode).unsigned(alignment).unsigned(offset);
  }

  /** Opens a `block`, `loop` or `if`, with or without a result. */
  open(opcode: number, result: LocalType | "none" = "none"): this {
    return this.op(opcode).byte(valueType[result]);
  }

  end(): this {
    return this.op(op.end);
  }

  private raw(bytes: Uint8Array, count: number): this {
    if (this.used + count > this.buffer.length) this.grow(count);
    this.buffer.set(bytes.length === count ? bytes : bytes.subarray(0, count), this.used);
    this.used += count;
    return this;
  }

  private grow(count: number): void {
    const larger = new Uint8Array(Math.max(2 * this.buffer.length, this.used + count));
    larger.set(this.bytes);
    this.buffer = larger;
  }
}

export interface Signature {
  readonly parameters: readonly LocalType[];
  readonly results: readonly LocalType[];
}

/** A function's locals (parameters first) and its code. */
export class FunctionBody {
  readonly code: Code = new Code();
  private readonly parameters: number;
  private readonly locals: LocalType[] = [];

  constructor(parameters: number) {
    this.parameters = parameters;
  }

  local(type: LocalType): number {
    this.locals.push(type);
    return this.parameters + this.locals.length - 1;
  }

  /** The function as the code section holds it, without its length. */
  encode(): Code {
    const runs: { type: LocalType; count: number }[] = [];
    for (const type of this.locals) {
      const last = runs.at(-1);
      if (last?.type === type) last.count++;
      else runs.push({ type, count: 1 });
    }
    const out = new Code().unsigned(runs.length);
    for (const { type, count } of runs) out.unsigned(count).byte(valueType[type]);
    return out.append(this.code).end();
  }
}

export interface MemoryImport {
  readonly minimum: number;
  /** In pages of 64 KiB. */
  readonly maximum: number;
  readonly shared: boolean;
}

/** Collects a module's parts and writes them. */
export class ModuleBuilder {
  private readonly types = new Map<string, number>();
  private readonly typeCode = new Code();
  private readonly imports: { readonly name: string; readonly type: number }[] = [];
  private readonly functions: { readonly type: number; readonly body: Code; readonly name: string }[] = [];
  private readonly exports: { readonly name: string; readonly number: number }[] = [];
  private globals = 0;
  private readonly memory: MemoryImport;

  constructor(memory: MemoryImport) {
    this.memory = memory;
  }

  type(signature: Signature): number {
    const key = `${signature.parameters.join()}>${signature.results.join()}`;
    const known = this.types.get(key);
    if (known !== undefined) return known;
    this.typeCode.byte(0x60);
    for (const list of [signature.parameters, signature.results]) {
      this.typeCode.unsigned(list.length);
      for (const type of list) this.typeCode.byte(valueType[type]);
    }
    this.types.set(key, this.types.size);
    return this.types.size - 1;
  }

  /** Imports a function from `host`; returns its index. */
  importFunction(name: string, signature: Signature): number {
    this.imports.push({ name, type: this.type(signature) });
    return this.imports.length - 1;
  }

  /** Adds a function; returns its number among those of the module. The name is for profilers. */
  function(name: string, signature: Signature, body: Code): number {
    this.functions.push({ type: this.type(signature), body, name });
    return this.functions.length - 1;
  }

  /** The index by which a function is called, once all imports are declared: they come first. */
  indexOf(number: number): number {
    return this.imports.length + number;
  }

  /** Adds a mutable i32 that starts at 0; returns its index. */
  global(): number {
    return this.globals++;
  }

  /** Exports a function by its number. */
  export(name: string, number: number): void {
    this.exports.push({ name, number });
  }

  encode(): Uint8Array<ArrayBuffer> {
    const out = new Code();
    for (const byte of [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]) out.byte(byte);
    const section = (id: number, content: Code): void => {
      out.byte(id).unsigned(content.length).append(content);
    };

    section(1, new Code().unsigned(this.types.size).append(this.typeCode));

    const imports = new Code().unsigned(this.imports.length + 1);
    imports.name("host").name("memory").byte(0x02);
    imports
      .byte(this.memory.shared ? 0x03 : 0x01)
      .unsigned(this.memory.minimum)
      .unsigned(this.memory.maximum);
    for (const { name, type } of this.imports) imports.name("host").name(name).byte(0x00).unsigned(type);
    section(2, imports);

    const functions = new Code().unsigned(this.functions.length);
    for (const { type } of this.functions) functions.unsigned(type);
    section(3, functions);

    if (this.globals > 0) {
      const globals = new Code().unsigned(this.globals);
      for (let i = 0; i < this.globals; i++) globals.byte(valueType.i32).byte(0x01).i32(0).end();
      section(6, globals);
    }

    const exports = new Code().unsigned(this.exports.length);
    for (const { name, number } of this.exports) exports.name(name).byte(0x00).unsigned(this.indexOf(number));
    section(7, exports);

    const code = new Code().unsigned(this.functions.length);
    for (const { body } of this.functions) code.unsigned(body.length).append(body);
    section(10, code);

    const names = new Code().unsigned(this.functions.length);
    for (const [i, { name }] of this.functions.entries()) names.unsigned(this.imports.length + i).name(name);
    section(0, new Code().name("name").byte(0x01).unsigned(names.length).append(names));

    return out.bytes.slice();
  }
}
