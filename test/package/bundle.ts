// Bundles a module for browsers with Rolldown, as an application's bundler would.

import { rolldown } from "rolldown";

/** The code of one self-contained ES module; anything of Node's stays an import and so can be seen. `alias` replaces files. */
export async function bundle(entry: string, minify: boolean, alias: Record<string, string> = {}): Promise<string> {
  const swap = { name: "swap", load: (id: string) => (alias[id] === undefined ? null : `export * from ${JSON.stringify(alias[id])};`) };
  const build = await rolldown({ input: entry, platform: "browser", external: /^node:/, logLevel: "silent", plugins: [swap] });
  const { output } = await build.generate({ format: "esm", minify });
  await build.close();
  if (output.length !== 1)
    throw new Error(`bundle of ${entry}: expected one chunk, got ${output.map((chunk) => chunk.fileName).join(", ")}`);
  return output[0].code;
}
