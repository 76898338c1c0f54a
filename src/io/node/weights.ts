// Weights on disk.

import { readFile } from "../../util/system.ts";
import { decodeSafetensors } from "../safetensors.ts";
import { assignTensors, type Named, weightsOf } from "../tensors.ts";
import { writeFileAtomically } from "./file.ts";

/**
 * Writes a module's variables to a safetensors file, whole or not at all.
 *
 * @throws UserError `FILE`
 */
export async function saveWeights(path: string, module: Named, metadata: Readonly<Record<string, string>> = {}): Promise<void> {
  writeFileAtomically(path, await weightsOf(module, metadata));
}

/**
 * Gives a module the weights of a safetensors file: all of them, or none.
 *
 * @returns the file's metadata
 * @throws UserError `FILE`, `SAFETENSORS` for a damaged file, `WEIGHTS` when names, shapes or dtypes differ
 */
export function loadWeights(path: string, module: Named): Readonly<Record<string, string>> {
  const { tensors, metadata } = decodeSafetensors(readFile(path), path);
  assignTensors(path, module.variables(), tensors);
  return metadata;
}
