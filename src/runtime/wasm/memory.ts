// A WebAssembly memory that threads can share, where the engine and the page allow it.

export interface Limits {
  /** In pages of 64 KiB. */
  readonly minimum: number;
  readonly maximum: number;
  readonly shared: boolean;
}

export interface DeviceMemory {
  readonly memory: WebAssembly.Memory;
  readonly limits: Limits;
  /** Why it is not shared; null where it is. */
  readonly unshared: string | null;
}

/** 4 GiB, all that 32-bit addresses reach. Engines that reserve the whole maximum of a shared memory at once may give less. */
const mostPages = 65536;
const leastPages = 8192;

/** Makes a memory of at least `minimum` pages. */
export function makeMemory(minimum: number): DeviceMemory {
  let unshared = whyNotShared();
  if (unshared === null) {
    for (let maximum = mostPages; maximum >= leastPages; maximum /= 2) {
      try {
        const memory = new WebAssembly.Memory({ initial: minimum, maximum, shared: true });
        return { memory, limits: { minimum, maximum, shared: true }, unshared };
      } catch (error) {
        unshared = `no shared memory could be made: ${(error as Error).message}`;
      }
    }
  }
  const limits = { minimum, maximum: mostPages, shared: false };
  return { memory: new WebAssembly.Memory({ initial: minimum, maximum: mostPages }), limits, unshared };
}

function whyNotShared(): string | null {
  const page = globalThis as { crossOriginIsolated?: boolean; process?: NodeJS.Process };
  if (page.process?.getBuiltinModule !== undefined || page.crossOriginIsolated === true) return null;
  return "the page is not cross-origin isolated, so threads cannot share memory: serve it with the headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp";
}
