// The three kinds of failure: the user's mistake, something a device cannot do, and our own bug.
// A message reads `where: what is wrong; got X, expected Y. Do Z.`, and `code` is stable for programs.

/** Where this library's files lie, as stack traces write it; null in a bundle, where one cannot tell them from the user's. */
const home: readonly string[] | null = (() => {
  const { url } = import.meta;
  if (!/\/util\/errors\.[jt]s$/.test(url)) return null;
  const root = url.replace(/util\/errors\.[jt]s$/, "");
  return [root, root.replace(/^file:\/\//, "")];
})();

/** A stack trace from the user's frame on: without the library's own frames before it. */
function fromUser(stack: string | undefined, limit: number): string | undefined {
  if (stack === undefined || home === null) return stack;
  const lines = stack.split("\n");
  const isFrame = (line: string) => /^\s+at /.test(line);
  const start = lines.findIndex(isFrame);
  const user = lines.findIndex((line, i) => i >= start && isFrame(line) && !home.some((place) => line.includes(place)));
  return start < 0 || user < 0 ? stack : [...lines.slice(0, start), ...lines.slice(user, user + limit)].join("\n");
}

/** Frames that are recorded, so that the user's is among them. */
const deep = 60;

/** Anything that Downhill throws on purpose. The stack trace starts where the user called the library. */
export class DownhillError extends Error {
  /** Stable identifier for programs, such as `"SHAPE"` or `"OPTION"`. */
  readonly code: string;
  /** The stack trace with the library's own frames, for `--trace`; not listed when the error is printed. */
  declare readonly wholeStack: string | undefined;

  constructor(code: string, message: string, options?: { cause?: unknown; wholeStack?: boolean }) {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = Math.max(limit, deep);
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    Error.stackTraceLimit = limit;
    this.name = new.target.name;
    this.code = code;
    const { stack } = this;
    Object.defineProperty(this, "wholeStack", { value: stack });
    const shown = options?.wholeStack === true ? stack : fromUser(stack, limit);
    if (shown !== undefined && shown !== stack) Object.defineProperty(this, "stack", { value: shown, configurable: true, writable: true });
  }
}

/** The caller's mistake: a wrong shape, dtype, option, file or order of calls. */
export class UserError extends DownhillError {}

/** The request is sound, but this device or platform cannot serve it. */
export class UnsupportedError extends DownhillError {}

/** A broken promise inside the library: please report it. */
export class InternalError extends DownhillError {
  constructor(message: string, options?: { cause?: unknown }) {
    super("INTERNAL", `${message}. This is a bug in Downhill; please report it with the program that caused it.`, {
      ...options,
      wholeStack: true,
    });
  }
}

/** What a message is made of: `where: problem; got X, expected Y. advice`. */
export interface Complaint {
  /** The public function or layer, as the user wrote it. */
  where: string;
  /** What is wrong, in a few words. */
  problem: string;
  got?: unknown;
  expected?: unknown;
  /** What to do about it, a sentence. */
  advice?: string;
}

/** Writes a value into a message: shapes as `[2,3]`, strings quoted, numbers as JavaScript prints them. */
export function show(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean" || value == null) return String(value);
  if (typeof value === "function") return `function ${value.name || "(anonymous)"}`;
  if (Array.isArray(value)) return `[${value.map(show).join(",")}]`;
  if (value instanceof Error) return value.message;
  const name = (value as object).constructor?.name ?? "object";
  return name === "Object" ? JSON.stringify(value) : name;
}

/** Makes the user's error from its parts. */
export function mistake(code: string, complaint: Complaint): UserError {
  const { where, problem, got, expected, advice } = complaint;
  const parts: string[] = [];
  if ("got" in complaint) parts.push(`got ${show(got)}`);
  if (expected !== undefined) parts.push(`expected ${show(expected)}`);
  const detail = parts.length > 0 ? `; ${parts.join(", ")}` : "";
  return new UserError(code, `${where}: ${problem}${detail}.${advice === undefined ? "" : ` ${advice}`}`);
}

/** The error for memory that cannot be had. */
export function outOfMemory(where: string, bytes: number, cause: unknown): UnsupportedError {
  return new UnsupportedError(
    "MEMORY",
    `${where}: out of memory; got a request for ${bytes} bytes. Use smaller batches, or release results with dispose().`,
    { cause },
  );
}

/** The user's error for an index outside `[0, size)`: `message` is the check's own, `where: what`. */
export function boundsMistake(message: string, value: number, size: number): UserError {
  return new UserError("RANGE", `${message}; got ${value}, expected ${size === 0 ? "nothing: the axis is empty" : `0 to ${size - 1}`}.`);
}
