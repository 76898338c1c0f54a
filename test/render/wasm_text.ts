// WebAssembly functions as text, one instruction a line, so that snapshots show what a change of the renderer does to its code.

import { op } from "../../src/render/wasm/opcodes.ts";

const names = new Map<number, string>(Object.entries(op).map(([name, code]) => [code, name]));
const opening = new Set<number>([op.block, op.loop, op.if]);

/** The code of each function of a module, in order. */
export function textOfModule(bytes: Uint8Array): string[] {
  const reader = new Reader(bytes, 8);
  while (reader.at < bytes.length) {
    const id = reader.byte();
    const length = reader.unsigned();
    if (id === 10) return Array.from({ length: reader.unsigned() }, () => reader.function());
    reader.at += length;
  }
  return [];
}

class Reader {
  readonly bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.bytes = bytes;
    this.at = at;
  }

  byte(): number {
    return this.bytes[this.at++] as number;
  }

  unsigned(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  }

  signed(): number {
    let value = 0;
    for (let shift = 0; ; ) {
      const byte = this.byte();
      value |= (byte & 0x7f) << shift;
      shift += 7;
      if (byte < 0x80) return shift < 32 && (byte & 0x40) !== 0 ? value | (-1 << shift) : value;
    }
  }

  function(): string {
    const stop = this.unsigned() + this.at;
    for (let runs = this.unsigned(); runs > 0; runs--) {
      this.unsigned();
      this.byte();
    }
    const lines: string[] = [];
    let depth = 0;
    while (this.at < stop) {
      let code = this.byte();
      if (code === 0xfc || code === 0xfd) code = code * 0x1000 + this.unsigned();
      if (code === op.end || code === op.else) depth--;
      const name = names.get(code) ?? `unknown ${code.toString(16)}`;
      if (depth >= 0) lines.push(`${"  ".repeat(depth)}${name}${this.immediates(code, name)}`);
      if (opening.has(code) || code === op.else) depth++;
    }
    return lines.join("\n");
  }

  private immediates(code: number, name: string): string {
    const data = new DataView(this.bytes.buffer, this.bytes.byteOffset);
    if (opening.has(code)) return this.byte() === 0x40 ? "" : " result";
    if (/^(local|global|br|call)/.test(name)) return ` ${this.unsigned()}`;
    switch (code) {
      case op.i32Const:
        return ` ${this.signed()}`;
      case op.f32Const:
        this.at += 4;
        return ` ${data.getFloat32(this.at - 4, true)}`;
      case op.f64Const:
        this.at += 8;
        return ` ${data.getFloat64(this.at - 8, true)}`;
      case op.v128Const:
      case op.i8x16Shuffle:
        this.at += 16;
        return ` ${[...this.bytes.subarray(this.at - 16, this.at)].map((b) => b.toString(16).padStart(2, "0")).join("")}`;
      case op.memoryCopy:
        this.at += 2;
        return "";
      default:
        break;
    }
    if (/Load|Store/.test(name)) {
      this.unsigned();
      const offset = this.unsigned();
      return `${offset === 0 ? "" : ` +${offset}`}${/Lane$/.test(name) ? ` lane ${this.byte()}` : ""}`;
    }
    return /(Extract|Replace)Lane$/.test(name) ? ` ${this.byte()}` : "";
  }
}
