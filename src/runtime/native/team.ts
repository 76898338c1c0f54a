// A device's share in the pool of threads: how many it asked for, and what programs need to call the pool.

import type { Threads } from "../../graph/device.ts";
import { link, type Toolchain } from "./link.ts";
import { poolSource } from "./pool.ts";

export class Team {
  private readonly toolchain: Toolchain;
  private pool: { readonly ask: (before: number, now: number) => number; readonly address: number } | null = null;
  private asked = 0;
  threads: Threads = { count: 1, reason: null };

  constructor(toolchain: Toolchain) {
    this.toolchain = toolchain;
  }

  /** Address of the function that runs a kernel on several threads; 0 where there is one. */
  get share(): number {
    return this.threads.count > 1 && this.pool !== null ? this.pool.address : 0;
  }

  /** Asks the pool for so many threads; it is made when they are first more than one. */
  ask(count: number): void {
    if (count > 1 || this.pool !== null) {
      try {
        this.pool ??= this.load();
      } catch (error) {
        this.threads = { count: 1, reason: `the pool of threads cannot be loaded: ${(error as Error).message}` };
        return;
      }
      const got = Math.min(count, this.pool.ask(this.asked, count));
      this.asked = count;
      const reason = got < count ? `the system did not start more (pthread_create failed)` : null;
      this.threads = { count: got, reason };
    } else this.threads = { count, reason: null };
  }

  private load(): { ask: (before: number, now: number) => number; address: number } {
    return link(this.toolchain, poolSource, (library) => ({
      ask: library.func("downhill_ask", "int32", ["int32", "int32"]),
      address: library.func("downhill_share", "double", [])(),
    }));
  }
}
