// Time that other programs on the machine do not count in.

/** Seconds of processor time of this process so far. */
export function clock(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
