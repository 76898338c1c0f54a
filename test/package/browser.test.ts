// Models train in headless Chromium, from the built package, to the bits that Node gives: on two threads where the page is isolated, on
// one where it is not, or where it lets no worker start.

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Result } from "./browser_entry.ts";
import { bundle } from "./bundle.ts";

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const built = mkdtempSync(join(tmpdir(), "downhill-built-"));
const executable = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((name) => existsSync(name));
if (executable === undefined) {
  const reason = "no Chromium at /usr/bin/chromium: install it with `apt-get install chromium`";
  if (process.env.CI) throw new Error(reason);
  console.log(`browser test skipped: ${reason}`);
}

const isolation = [
  ["cross-origin-opener-policy", "same-origin"],
  ["cross-origin-embedder-policy", "require-corp"],
] as const;

/** What the same program leaves behind in Node. */
function inNode(): Result {
  const script = `await import(${JSON.stringify(path("./browser_entry.ts"))}); while (globalThis.result === undefined) await new Promise((r) => setTimeout(r, 10)); console.log(JSON.stringify(globalThis.result));`;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
  if (stdout === "") throw new Error(stderr);
  return JSON.parse(stdout) as Result;
}

describe.skipIf(executable === undefined)("in headless Chromium", () => {
  let server: Server;
  let browser: Browser;
  let node: Result | undefined;

  beforeAll(async () => {
    // The built package, in a folder of its own since the consumer's test builds too.
    const build = spawnSync(process.execPath, [path("../../scripts/build.ts"), built], { encoding: "utf8" });
    if (build.status !== 0) throw new Error(build.stdout + build.stderr);
    const code = await bundle(path("./browser_entry.ts"), false, { [path("../../src/index.ts")]: join(built, "index.js") });
    const scripts = new Map([
      ["/entry.js", code],
      ["/worker.js", readFileSync(join(built, "worker.js"), "utf8")],
    ]);
    server = createServer(({ url = "" }, response) => {
      const script = scripts.get(url);
      if (url !== "/") for (const [name, value] of isolation) response.setHeader(name, value);
      if (url === "/strict" || url === "/forbidden") response.setHeader("content-security-policy", "script-src 'self' 'wasm-unsafe-eval'");
      response.setHeader("content-type", script === undefined ? "text/html" : "text/javascript");
      response.end(script ?? `<!doctype html><script type="module" src="/entry.js"></script>`);
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    browser = await chromium.launch({
      executablePath: executable as string,
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
      ],
    });
  });

  afterAll(async () => {
    await browser?.close();
    server?.close();
    rmSync(built, { recursive: true, force: true });
  });

  it.each([
    ["an isolated page", "/isolated", { count: 2, reason: null }],
    ["a page with a strict content policy and a file for workers", "/strict", { count: 2, reason: null }],
    ["one without such a file", "/forbidden", { count: 1, reason: expect.stringMatching(/workerUrl/) }],
    ["a page that is not isolated", "/", { count: 1, reason: expect.stringMatching(/not cross-origin isolated/) }],
  ])("trains to the bits of Node on %s", async (_, url, threads) => {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}${url}`);
    // Not waitForFunction, which a strict content policy forbids.
    const look = () => page.evaluate(() => (globalThis as { result?: Result }).result);
    let found = await look();
    for (; found === undefined; found = await look()) await page.waitForTimeout(50);
    const result = found;
    await page.close();
    expect(result.error).toBeUndefined();
    expect(result).toMatchObject({ device: "wasm", threads, helped: threads.count > 1 });
    console.log(`${url}: main thread's tasks over 50 ms: ${result.longTasks.map((ms) => Math.round(ms)).join(", ") || "none"}`);
    node ??= inNode();
    expect(node.listing.losses[9]).toBeLessThan((node.listing.losses[0] as number) / 2);
    expect(node.mlp.losses[59]).toBeLessThan((node.mlp.losses[0] as number) / 2);
    expect(result.listing).toEqual(node.listing);
    expect(result.mlp).toEqual(node.mlp);
  });
});
