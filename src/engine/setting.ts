// Settings: the library's own state that decides what a trace builds (train or eval, frozen or not, the device). Reading one
// while a function is traced makes it part of that trace's key, so that a cached program is never stale.

import { context } from "./context.ts";

let epoch = 0;

/** Grows whenever any setting changes: while it stands still, every trace that was valid is valid. */
export function settingsEpoch(): number {
  return epoch;
}

/** A value that compiled functions notice: changing it retraces those that read it, and changing it back finds the old trace. */
export class Setting<T> {
  #value: T;

  constructor(initial: T) {
    this.#value = initial;
  }

  get value(): T {
    context.recorder?.guard(this as Setting<unknown>, this.#value);
    return this.#value;
  }

  set value(next: T) {
    if (Object.is(next, this.#value)) return;
    context.recorder?.changed(this as Setting<unknown>, this.#value);
    this.#value = next;
    epoch++;
  }

  /** The value, unnoticed by a trace. */
  peek(): T {
    return this.#value;
  }
}
