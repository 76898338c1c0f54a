// Options of every command that reads data and computes.

import type { CsvOptions } from "../data/csv.ts";
import type { DeviceName } from "../engine/devices.ts";
import { character, choice, flag, type OptionsFor } from "./options.ts";

export interface SharedValues {
  readonly delimiter: string | undefined;
  readonly header: "yes" | "no" | undefined;
  readonly device: DeviceName | "auto";
  readonly trace: boolean;
}

export const sharedOptions: OptionsFor<SharedValues> = {
  delimiter: character({ help: "what stands between values; tab for a tabulator", shownDefault: "recognised" }),
  header: choice(["yes", "no"], { help: "whether the first row holds names", shownDefault: "recognised" }),
  device: choice(["auto", "wasm", "native", "reference"], { help: "where to compute", default: "auto" }),
  trace: flag({ help: "show where an error came from" }),
};

/** What they say about a CSV file. */
export function csvOptions({ delimiter, header }: SharedValues): Pick<CsvOptions, "delimiter" | "header"> {
  return { ...(delimiter === undefined ? {} : { delimiter }), ...(header === undefined ? {} : { header: header === "yes" }) };
}
