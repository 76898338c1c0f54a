// The text of generated C, and what of a kernel's form must not matter: names, where variables are declared, odd literals.

import { describe, expect, it } from "vitest";
import type { Kernel, Program } from "../../src/graph/kernel.ts";
import { renderC } from "../../src/render/c/program.ts";
import { createNativeDevice } from "../../src/runtime/native/device.ts";
import { InternalError } from "../../src/util/errors.ts";
import * as l from "../support/language.ts";
import { native } from "../support/native.ts";
import { runOn } from "../support/run_program.ts";

const f32x8 = l.wide(l.f32, 8);

const scale: Kernel = l.kernel(
  ["f32", "f32!"],
  100,
  [
    l.define("factor", l.load(l.f32, 0, 0)),
    l.loop("i", l.begin, l.end, 8, [
      l.store(
        1,
        l.add(l.mul("i", 2), 8),
        l.binary("mul", l.load(f32x8, 0, "i"), l.splat(l.variable(l.f32, "factor"), 8)),
        l.sub(l.end, "i"),
      ),
    ]),
  ],
  "scale by the first */ element",
);

/** From the first kernel on: the helpers before it are a library. */
const kernelsOf = (program: Program) => {
  const { source } = renderC(program);
  return source.slice(source.indexOf("// "));
};

describe("generated C", () => {
  it("reads as a person would write it", () => {
    expect(kernelsOf(l.program([scale], 1, 1, [l.call(0, 0, 1), { kind: "guard" }]))).toMatchSnapshot();
  });

  it("has a function once for kernels that do the same", () => {
    const twice = kernelsOf(l.program([scale, { ...scale, name: "the same", extent: 50 }], 1, 1, [l.call(0, 0, 1), l.call(1, 0, 1)]));
    expect(twice.match(/^static .*noinline/gm)).toHaveLength(1);
    expect(twice.match(/k0_scale_by_the_first_element\(\(const/g)).toHaveLength(2);
    expect(twice).toContain("status, 0, 50)");
  });

  it("is the same text for the same program", () => {
    const program = l.program([scale], 1, 1, [l.call(0, 0, 1)]);
    expect(renderC(structuredClone(program))).toEqual(renderC(program));
  });

  const refused: Record<string, Kernel> = {
    "a buffer that is not there": l.kernel(["f32!"], 1, [l.store(0, 0, l.load(l.f32, 3, 0))]),
    "a store to what is read only": l.kernel(["f32"], 1, [l.store(0, 0, l.constant(l.f32, 1))]),
    "a variable without a value": l.kernel(["f32!"], 1, [l.store(0, 0, l.variable(l.f32, "x"))]),
    "memory of another type": l.kernel(["f32!"], 1, [l.store(0, 0, l.int(1))]),
    "a remainder of floats": l.kernel(["f32!"], 1, [l.store(0, 0, l.binary("rem", l.load(l.f32, 0, 0), l.load(l.f32, 0, 0)))]),
  };
  for (const [what, kernel] of Object.entries(refused)) {
    it(`refuses ${what}`, () => {
      expect(() => renderC(l.program([kernel], 0, 1, [l.call(0, 0)]))).toThrow(InternalError);
    });
  }

  it("refuses a call with operands missing", () => {
    expect(() => renderC(l.program([scale], 1, 1, [l.call(0, 0)]))).toThrow(/1 operands/);
  });
});

describe.runIf(native)("generated C, run", () => {
  const compute = (kernel: Kernel, length: number, dtype: "int32" | "float32" = "int32") => {
    const executable = createNativeDevice({ render: renderC }).load(l.program([kernel], 0, 1, [l.call(0, 0)]));
    return Array.from(runOn(executable, [], [{ dtype, data: new Array(length).fill(0) }]).outputs[0] ?? []);
  };

  it("takes any name for a variable", () => {
    const names = ["float", "p0", "status", "é", "a b", "a_b", "x;}", "9", "", "v0_float", "i32"];
    const body = names.map((name, i) => l.define(name, l.int(i)));
    const stores = names.map((name, i) => l.store(0, i, l.int(name)));
    expect(compute(l.kernel(["i32!"], 1, [...body, ...stores], "int main() { /* \n"), names.length)).toEqual(names.map((_, i) => i));
  });

  it("sees variables after the block that declares them", () => {
    const kernel = l.kernel(["i32!"], 1, [
      l.loop("i", 0, 5, 1, [l.define("square", l.mul("i", "i")), l.loop("j", 0, "i", 1, [l.define("inner", l.add("i", "j"))])]),
      l.store(0, 0, l.int("square")),
      l.store(0, 1, l.int("inner")),
      l.store(0, 2, l.int("i")),
      l.set("square", l.int(3)),
      l.store(0, 3, l.int("square")),
    ]);
    expect(compute(kernel, 4)).toEqual([16, 7, 4, 3]);
  });

  it("turns a loop as often as its bounds said at first, whatever the body sets", () => {
    const kernel = l.kernel(["i32!"], 1, [
      l.define("n", l.int(3)),
      l.define("turns", l.int(0)),
      l.loop("i", 0, "n", 1, [l.set("n", l.int(100)), l.set("i", l.int(50)), l.set("turns", l.add("turns", 1))]),
      l.store(0, 0, l.int("turns")),
    ]);
    expect(compute(kernel, 1)).toEqual([3]);
  });

  it("reaches any int32 and any float32 with a literal", () => {
    const integers = [0, -1, 2147483647, -2147483648, 4294967295, -7];
    const kernel = l.kernel(
      ["i32!"],
      1,
      integers.map((v, i) => l.store(0, i, l.int(v))),
    );
    expect(compute(kernel, integers.length)).toEqual(integers.map((v) => v | 0));
    const floats = [0, -0, 0.1, -1e-45, 3.4028234663852886e38, 1e39, -1e39, Number.NaN, 123456789, 1e-7];
    const stores = floats.map((v, i) => l.store(0, i, l.constant(l.f32, v)));
    expect(compute(l.kernel(["f32!"], 1, stores), floats.length, "float32")).toEqual(floats.map(Math.fround));
  });

  it("nests as deep as it must", () => {
    let value = l.load(l.i32, 0, 0);
    for (let i = 0; i < 600; i++) value = l.binary(i % 2 ? "xor" : "max", value, l.int(i));
    let expected = 0;
    for (let i = 0; i < 600; i++) expected = i % 2 ? expected ^ i : Math.max(expected, i);
    expect(compute(l.kernel(["i32!"], 1, [l.store(0, 0, value)]), 1)).toEqual([expected]);
  });
});
