import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { downhill, downhillHere, workplace } from "./run.ts";

const place = workplace();
const core = JSON.stringify(resolve("src/index.ts"));
writeFileSync(
  join(place, "script.mjs"),
  `import { compile, normal } from ${core};
const product = compile((x, y) => x.matmul(y));
const [x, y] = [normal([20, 30]), normal([30, 40])];
for (let i = 0; i < 3; i++) await product(x, y).data();
setTimeout(async () => console.log(process.argv.slice(2).join(), (await product(x, y).data()).length), 10);
`,
);
writeFileSync(join(place, "wrong.mjs"), "throw new Error('the script is wrong');\n");

test("the table follows the script's own output, with what the script did late", () => {
  const { code, out, err } = downhill(place, ["profile", "script.mjs", "--", "--epochs", "5"]);
  expect(out).toBe("--epochs,5 800\n");
  expect(code).toBe(0);
  expect(err).toMatch(/^.* 4 .* matmul 20×30·30×40/m);
  expect(err).toMatch(/in kernels; \d programs compiled: schedule/);
});

test("as JSON", () => {
  const { code, err } = downhill(place, ["profile", "--json", "script.mjs"]);
  expect(code).toBe(0);
  const { device, kernels } = JSON.parse(err);
  expect(device).toBe("wasm");
  expect(kernels.find((k: { name: string }) => k.name.startsWith("matmul"))).toMatchObject({ calls: 4 });
});

test("mistakes", async () => {
  expect(await downhillHere(place, ["profile", "missing.mjs"])).toEqual({
    code: 1,
    out: "",
    err: "error: missing.mjs: there is no such script.\n",
  });
  expect((await downhillHere(place, ["profile"])).err).toContain("script is missing");
  const wrong = downhill(place, ["profile", "wrong.mjs"]);
  expect(wrong.code).toBe(1);
  expect(wrong.err).toMatch(/^Error: the script is wrong\n {4}at /);
});
