// The command `downhill profile`: runs a script in this process, and shows where the time of its programs went once it has ended.

import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { setDevice } from "../engine/devices.ts";
import { startProfile } from "../profile/index.ts";
import { mistake } from "../util/errors.ts";
import { type Command, flag, number, type OptionsFor } from "./options.ts";
import { type SharedValues, sharedOptions } from "./shared.ts";

export interface ProfileValues extends Pick<SharedValues, "device"> {
  readonly rows: number;
  readonly json: boolean;
}

const options: OptionsFor<ProfileValues> = {
  rows: number({ default: 30, least: 1, integer: true, help: "kernels to show, the dearest first" }),
  json: flag({ help: "print everything as JSON" }),
  device: sharedOptions.device,
};

export const profile: Command<ProfileValues> = {
  name: "profile",
  summary: "Runs a script and shows where its time goes, kernel by kernel.",
  description: [
    "Each kernel comes with its calls and time, its arithmetic and memory traffic in a second, and their shares of what this machine can do, which is measured beside it. A kernel's name says what was fused in it; the variables that it reads stand in brackets. The last line tells what the compiler's own stages took.",
    "The script must use this installation of downhill, and end by itself. Arguments of its own follow two hyphens. The table goes to the standard error, so that the script's own output stays apart.",
  ],
  positionals: [
    { name: "script", help: "a JavaScript or TypeScript module" },
    { name: "arguments", help: "what the script finds in process.argv", optional: true, many: true },
  ],
  options,
  examples: [
    ["downhill profile train.ts", "The kernels of a training script."],
    ["downhill profile --device native --rows 10 train.ts -- --epochs 1", "The ten dearest, with an argument for the script."],
  ],
  async run(values, [script, ...rest]) {
    const path = resolve(script as string);
    if (!existsSync(path)) throw mistake("FILE", { where: script as string, problem: "there is no such script" });
    setDevice(values.device);
    const stop = startProfile();
    process.argv.splice(1, process.argv.length - 1, path, ...rest);
    try {
      await import(pathToFileURL(path).href);
    } catch (error) {
      // The script's own: to be shown as if it had been run without us.
      process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
      process.exitCode = 1;
      return;
    }
    // What the script has left to do, it does before this.
    await new Promise((done) => process.once("beforeExit", done));
    const found = stop();
    process.stderr.write(`${values.json ? JSON.stringify(found) : found.print(values.rows)}\n`);
  },
};
