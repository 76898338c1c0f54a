// A loaded program's calls: storages → addresses in the call block, one native call, then failures and repetitions.
// Storages get their results only after a call that went well, so a failed one changes nothing. With `repeat` an earlier
// repetition may have written in place before a later one fails: such calls work on copies (programs with checks only).

import type { CallRow, Executable, ProgramFailure } from "../../graph/device.ts";
import type { Program } from "../../graph/kernel.ts";
import type { Storage } from "../../graph/storage.ts";
import { InternalError } from "../../util/errors.ts";
import { type Allocator, NativeResident } from "./memory.ts";
import type { Team } from "./team.ts";

/** Where things lie in the array of doubles that a program's entry is called with; addresses are below 2⁵³. */
export interface CallBlock {
  readonly repeat: number;
  readonly arena: number;
  readonly strided: number;
  readonly status: number;
  readonly detail: number;
  readonly repetition: number;
  readonly share: number;
  readonly threads: number;
  readonly addresses: number;
  readonly strides: number;
  readonly marks: number;
  readonly length: number;
}

export class NativeExecutable implements Executable {
  readonly marks?: Float64Array;
  private readonly program: Program;
  private readonly layout: CallBlock;
  private readonly entry: (block: number) => number;
  private readonly allocator: Allocator;
  private readonly team: Team;
  private readonly arena: () => number;
  private readonly block: Float64Array;
  private readonly blockAddress: number;
  /** What the table's rows point to during a call. Holding it matters: an address keeps nothing alive. */
  private readonly rows: (NativeResident | null)[];

  /** `entry` takes the address of the call block and returns the status word; `arena` gives the arena's address now. */
  constructor(
    program: Program,
    layout: CallBlock,
    entry: (block: number) => number,
    allocator: Allocator,
    team: Team,
    arena: () => number,
  ) {
    this.program = program;
    this.layout = layout;
    this.entry = entry;
    this.allocator = allocator;
    this.team = team;
    this.arena = arena;
    const { buffer, offset, address } = allocator.fresh(layout.length * 8);
    this.block = new Float64Array(buffer, offset, layout.length);
    this.blockAddress = address;
    if (program.marks !== undefined) this.marks = this.block.subarray(layout.marks + 1, layout.length);
    this.rows = new Array(program.inputs + program.outputs).fill(null);
  }

  run(inputs: readonly CallRow[], outputs: readonly CallRow[], repeat: number): ProgramFailure | null {
    const { program, block, layout, rows } = this;
    if (inputs.length !== program.inputs || outputs.length !== program.outputs || !Number.isSafeInteger(repeat) || repeat < 1) {
      throw new InternalError(
        `native device: a program of ${program.inputs} inputs and ${program.outputs} outputs was run on ` +
          `${inputs.length} and ${outputs.length}, ${repeat} times`,
      );
    }
    for (let i = 0; i < inputs.length; i++) rows[i] = this.resident((inputs[i] as CallRow).storage);
    for (let i = 0; i < outputs.length; i++) rows[inputs.length + i] = this.resident((outputs[i] as CallRow).storage, true);
    if (repeat > 1) this.protect(inputs, outputs);
    this.fill(inputs, outputs, repeat);

    const failed = this.entry(this.blockAddress) !== 0;
    if (failed) this.discard(inputs, outputs);
    else if (repeat > 1) this.commitRepeated(inputs, outputs, repeat);
    else this.commit(outputs);
    rows.fill(null);
    if (!failed) return null;
    return {
      check: (block[layout.status] as number) - 1,
      value: block[layout.detail] as number,
      repetition: block[layout.repetition] as number,
    };
  }

  /** A storage's native memory; new memory that the storage does not know of yet where an output has no value. */
  private resident(storage: Storage, output = false): NativeResident {
    const { resident, host } = storage;
    if (resident instanceof NativeResident) return resident;
    const own = new NativeResident(this.allocator, storage.dtype, storage.length);
    const data = host ?? resident?.read();
    if (data === undefined) {
      if (output) return own;
      throw storage.error ?? new InternalError("native device: an input has no value");
    }
    own.view().set(data);
    resident?.release();
    storage.resident = own;
    return own;
  }

  private fill(inputs: readonly CallRow[], outputs: readonly CallRow[], repeat: number): void {
    const { block, rows } = this;
    const { addresses, strides, strided, repeat: times, arena, share, threads } = this.layout;
    block[times] = repeat;
    block[arena] = this.arena();
    block[share] = this.team.share;
    block[threads] = this.team.threads.count;
    block[strided] = 0;
    for (let i = 0; i < rows.length; i++) {
      block[addresses + i] = (rows[i] as NativeResident).block.address;
      const row = (i < inputs.length ? inputs[i] : outputs[i - inputs.length]) as CallRow;
      block[strides + i] = row.strideBytes;
      if (row.strideBytes !== 0) block[strided] = 1;
    }
  }

  /**
   * Puts copies in the place of rows that a repetition may overwrite though somebody may need what they hold: what is
   * updated in place, where a later repetition can fail, and inputs that exchange memory with an output.
   */
  private protect(inputs: readonly CallRow[], outputs: readonly CallRow[]): void {
    const { program, rows } = this;
    if (program.checks.length > 0) {
      for (let i = 0; i < outputs.length; i++) {
        const own = rows[inputs.length + i] as NativeResident;
        if ((outputs[i] as CallRow).storage.resident !== own) continue;
        const copy = own.copy();
        for (let j = 0; j < rows.length; j++) if (rows[j] === own) rows[j] = copy;
      }
    }
    for (const [input] of program.exchanges) {
      const own = rows[input] as NativeResident;
      if ((inputs[input] as CallRow).storage.resident === own) rows[input] = own.copy();
    }
  }

  private commit(outputs: readonly CallRow[]): void {
    const first = this.program.inputs;
    for (let i = 0; i < outputs.length; i++) {
      const { storage } = outputs[i] as CallRow;
      storage.resident = this.rows[first + i] as NativeResident;
      storage.host = null;
    }
  }

  /** As commit, where rows were exchanged between repetitions and copies may stand for storages' own memory. */
  private commitRepeated(inputs: readonly CallRow[], outputs: readonly CallRow[], repeat: number): void {
    const { program, rows } = this;
    const before = outputs.map(({ storage }) => storage.resident);
    if (repeat % 2 === 0) {
      for (const [input, output] of program.exchanges) {
        const kept = rows[input] as NativeResident;
        rows[input] = rows[output] as NativeResident;
        rows[output] = kept;
      }
    }
    this.commit(outputs);
    for (const resident of before) if (resident !== null && !rows.includes(resident as NativeResident)) resident.release();
    this.discard(inputs, outputs);
  }

  /** Gives back what the rows hold beside the storages' own memory: after a failure, new memory and copies. */
  private discard(inputs: readonly CallRow[], outputs: readonly CallRow[]): void {
    const { rows } = this;
    for (let i = 0; i < rows.length; i++) {
      const { storage } = (i < inputs.length ? inputs[i] : outputs[i - inputs.length]) as CallRow;
      if (storage.resident !== rows[i]) (rows[i] as NativeResident).release();
    }
  }
}
