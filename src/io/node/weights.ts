// Weights on disk.

import { readFile } from "../../util/system.ts";
import { decodeSafetensors } from "../safetensors.ts";
import { assignWeights, type Named, type Naming, weightsOf } from "../tensors.ts";
import { writeFileAtomically } from "./file.ts";

/**
 * Writes a module's variables to a safetensors file, whole or not at all.
 *
 * @param options `names: "pytorch"` writes the names of PyTorch's state dicts
 * @throws UserError `FILE`
 * @example
 * await saveWeights("weights.safetensors", model);
 */
export async function saveWeights(
  path: string,
  module: Named,
  metadata: Readonly<Record<string, string>> = {},
  options: { readonly names?: Naming } = {},
): Promise<void> {
  writeFileAtomically(path, await weightsOf(module, metadata, options));
}

/**
 * Gives a module the weights of a safetensors file: all of them, or none. The names are those of `module.variables()`, or those of
 * PyTorch, so that a state dict saved with PyTorch's safetensors loads.
 *
 * @returns the file's metadata
 * @throws UserError `FILE`, `SAFETENSORS` for a damaged file, `WEIGHTS` when names, shapes or dtypes differ
 * @example
 * await saveWeights("weights.safetensors", new Linear(2, 3));
 * const layer = new Linear(2, 3);
 * loadWeights("weights.safetensors", layer);
 */
export function loadWeights(path: string, module: Named): Readonly<Record<string, string>> {
  const { tensors, metadata } = decodeSafetensors(readFile(path), path);
  assignWeights(path, module, tensors);
  return metadata;
}
