// A bundle: one safetensors file with a trained model's weights, and in its metadata, as JSON, all that is needed to use them:
// the network, the preprocessing, the label names, and where it came from.

import type { Feature, Preprocessing } from "../data/preprocess.ts";
import type { Target } from "../data/target.ts";
import { checkFormat, formatEntries, type OwnFormat } from "../io/format.ts";
import { writeFileAtomically } from "../io/node/file.ts";
import { decodeSafetensors } from "../io/safetensors.ts";
import { assignTensors, weightsOf } from "../io/tensors.ts";
import type { Sequential } from "../nn/sequential.ts";
import { mistake } from "../util/errors.ts";
import type { Scores } from "../util/events.ts";
import { readFile } from "../util/system.ts";
import { buildNetwork, type NetworkSpec } from "./network.ts";

const bundleFormat: OwnFormat = {
  format: "downhill-bundle",
  version: 1,
  code: "BUNDLE",
  noun: "bundle",
  advice: "Give the model.safetensors that downhill train wrote.",
};

/** Everything but the weights. Plain JSON. */
export interface BundleConfig {
  readonly input:
    | { readonly kind: "table"; readonly preprocessing: Preprocessing }
    | { readonly kind: "images"; readonly size: readonly [number, number] };
  readonly target: Target;
  readonly network: NetworkSpec;
  readonly training: {
    readonly data: string;
    readonly rows: number;
    readonly lambda: number;
    readonly seed: number;
    readonly test: Scores;
    readonly finished: string;
  };
}

/** Writes a bundle, whole or not at all. */
export async function saveBundle(path: string, model: Sequential, config: BundleConfig): Promise<void> {
  const metadata = { ...formatEntries(bundleFormat), config: JSON.stringify(config) };
  writeFileAtomically(path, await weightsOf(model, metadata));
}

/**
 * Reads a bundle and builds its model.
 *
 * @throws UserError `FILE`, `SAFETENSORS`, `BUNDLE` or `WEIGHTS` when the file is missing, cut, or something else
 */
export function loadBundle(path: string): { readonly model: Sequential; readonly config: BundleConfig } {
  const { tensors, metadata } = decodeSafetensors(readFile(path), path);
  checkFormat(path, metadata, bundleFormat);
  const config = parseConfig(path, metadata.config ?? "");
  const model = buildNetwork(config.network);
  assignTensors(path, model.variables(), tensors);
  return { model, config };
}

function parseConfig(path: string, text: string): BundleConfig {
  const damaged = () => mistake("BUNDLE", { where: path, problem: "the bundle's description is damaged", advice: "Train again." });
  let config: BundleConfig;
  try {
    config = JSON.parse(text) as BundleConfig;
    const { network, target, input } = config;
    const sizes = [network.inputs, ...network.hidden, network.outputs];
    const good =
      Array.isArray(network.hidden) &&
      sizes.every((n) => Number.isSafeInteger(n) && n > 0 && n < 2 ** 24) &&
      typeof network.images === "boolean" &&
      typeof target.name === "string" &&
      (target.task === "regress" ? isScale(target) : areTexts(target.labels) && target.labels.length === network.outputs) &&
      (input.kind === "images"
        ? input.size.length === 2 && input.size[0] * input.size[1] === network.inputs && network.images
        : input.preprocessing.features.every(isFeature) && widthOf(input.preprocessing) === network.inputs && !network.images);
    if (!good) throw damaged();
  } catch {
    throw damaged();
  }
  return config;
}

const isScale = ({ mean, scale }: { mean: number; scale: number }): boolean => Number.isFinite(mean) && Number.isFinite(scale) && scale > 0;

const areTexts = (values: readonly string[]): boolean => Array.isArray(values) && values.every((v) => typeof v === "string");

const isFeature = (f: Feature): boolean =>
  typeof f.name === "string" &&
  (f.kind === "number" ? isScale(f) : f.kind === "category" && areTexts(f.categories) && (f.mode === null || typeof f.mode === "string"));

function widthOf({ features }: Preprocessing): number {
  return features.reduce((sum, f) => sum + (f.kind === "number" ? 1 : f.categories.length), 0);
}
