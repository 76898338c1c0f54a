// Training steps and all that prepares them under ThreadSanitizer, in a process without Node.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { deviceOf } from "../../src/engine/devices.ts";
import type { ProgramDevice } from "../../src/graph/device.ts";
import { setDevice, setThreads } from "../../src/index.ts";
import * as l from "../support/language.ts";
import { native } from "../support/native.ts";
import { type Recorded, record, sanitize, sanitizerReason } from "../support/race.ts";
import { laborious } from "../support/sharing.ts";
import { train, trainings } from "../support/training.ts";

const folder = mkdtempSync(join(tmpdir(), "downhill-race-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const reason = native ? sanitizerReason(folder) : "the native device is not available";
if (reason !== null) {
  if (process.env.CI) throw new Error(`CI needs ThreadSanitizer: ${reason}`);
  console.warn(`ThreadSanitizer's tests are left out: ${reason}`);
}

describe.runIf(reason === null)("ThreadSanitizer", () => {
  it("finds no race in the programs of three networks", { timeout: 240_000 }, async () => {
    setDevice("native");
    setThreads(1);
    // Short vectors make less code to look at.
    const device = deviceOf("native") as ProgramDevice;
    Object.assign(device, { target: { ...device.target, lanes: 4, registers: 16 } });
    const recorded = record(device);
    for (const name of Object.keys(trainings)) await train(name, 2);
    setDevice("auto");
    expect(recorded.length).toBeGreaterThan(6);
    const { status, output } = sanitize(folder, recorded, [1, 2, 3, 5], 3);
    expect(output).toBe("");
    expect(status).toBe(0);
  });

  it("sees a kernel whose parts meet", () => {
    const x = l.binary("add", l.load(l.f32, 0, l.sub("i", 1)), l.load(l.f32, 0, "i"));
    const kernel = l.kernel(["f32!"], 4000, [l.loop("i", l.add(l.begin, 1), l.add(l.end, 1), 1, [l.store(0, "i", x)])]);
    const program = laborious(l.program([kernel], 1, 0, [l.call(0, 0)]));
    const rows: Recorded["rows"] = [{ bytes: 16_400, data: new Uint8Array(16_400), same: 0 }];
    // Often, so that the second thread comes to it even where other programs have the processors.
    const { status, output } = sanitize(folder, [{ program, rows }], [2], 5000);
    expect(output).toContain("WARNING: ThreadSanitizer: data race");
    expect(status).toBe(66);
  });
});
