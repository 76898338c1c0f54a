// The clock of a program with marks: what its steps call after each kernel when it is profiled.

export class Marks {
  /** For each slot the seconds and the times it was met. */
  readonly slots: Float64Array;
  private last = 0;

  constructor(count: number) {
    this.slots = new Float64Array(2 * count);
  }

  /** A run begins. */
  begin(): void {
    this.last = performance.now();
  }

  mark(slot: number): void {
    const now = performance.now();
    const { slots } = this;
    slots[2 * slot] = (slots[2 * slot] as number) + (now - this.last) / 1000;
    slots[2 * slot + 1] = (slots[2 * slot + 1] as number) + 1;
    this.last = now;
  }
}
