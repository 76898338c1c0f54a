// Files of our own are safetensors whose metadata say what they are.

import { mistake } from "../util/errors.ts";

/** A format, its version, and where its text is found in the metadata. */
export interface OwnFormat {
  readonly format: string;
  readonly version: number;
  /** Of the errors. */
  readonly code: string;
  /** What such a file is called. */
  readonly noun: string;
  readonly advice?: string;
}

/** The metadata that say what a file is. */
export function formatEntries({ format, version }: OwnFormat): { readonly format: string; readonly version: string } {
  return { format, version: String(version) };
}

/**
 * Refuses a file of another format or version.
 *
 * @throws UserError with the format's code
 */
export function checkFormat(path: string, metadata: Readonly<Record<string, string>>, own: OwnFormat): void {
  const { format, version, code, noun, advice } = own;
  if (metadata.format === format && metadata.version === String(version)) return;
  throw mistake(code, {
    where: path,
    problem: `this is no ${noun} that this version reads`,
    got: metadata.format === undefined ? "a file without a format" : `${metadata.format}, version ${metadata.version}`,
    expected: `${format}, version ${version}`,
    ...(advice === undefined ? {} : { advice }),
  });
}
