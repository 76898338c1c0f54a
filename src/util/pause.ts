// A turn of the event loop, which awaiting a settled promise is not.

/** Lets others run: timers, signals, the page. */
export function pause(): Promise<void> {
  const immediate = (globalThis as { setImmediate?: (f: () => void) => unknown }).setImmediate;
  return new Promise((resolve) => {
    if (immediate === undefined) setTimeout(resolve, 0);
    else immediate(resolve);
  });
}
