// The engine against a model of plain arrays: assign, alias, read, compile, call, repeat and throw in random order. Every handle
// that was ever handed out must keep its value.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { assignAll, type Compiled, compile, setDevice, type Tensor, tensor, type Variable, variable } from "../../src/index.ts";

type Row = [number, number];

interface Model {
  values: Row[];
  /** What each handle must say. */
  handles: Row[];
}

interface Real {
  variables: Variable[];
  handles: Tensor[];
  steps: Compiled<[Tensor], Tensor>[];
  /** What the next trace does before it ends well. */
  fail: { now: boolean };
}

const count = 3;
const map = (row: Row, f: (x: number) => number): Row => row.map(f) as Row;
const read = (t: Tensor): Row => Array.from(t.dataSync()) as Row;

/** Programs over the variables, on plain numbers and on tensors. They differ in what is read, assigned and returned. */
const programs: { model: (m: Model, x: number) => Row; real: (v: Variable[], x: Tensor) => Tensor }[] = [
  {
    // In place.
    model: (m, x) => {
      m.values[0] = map(m.values[0] as Row, (v) => v + x);
      return m.values[0];
    },
    real: ([a], x) => {
      const [v] = [a as Variable];
      v.assign(v.add(x));
      return v.reshape([2]);
    },
  },
  {
    // Exchanges two, returns the old value of the third.
    model: (m) => {
      [m.values[0], m.values[1]] = [m.values[1] as Row, m.values[0] as Row];
      return m.values[2] as Row;
    },
    real: ([a, b, c]) => {
      const [x, y] = [(a as Variable).reshape([2]), (b as Variable).reshape([2])];
      (a as Variable).assign(y);
      (b as Variable).assign(x);
      return (c as Variable).reshape([2]);
    },
  },
  {
    // Reads other indices than it writes, and assigns twice.
    model: (m, x) => {
      const c = m.values[2] as Row;
      const old = c;
      m.values[2] = map([c[1], c[0]], (v) => v - x);
      m.values[2] = map(m.values[2], (v) => v + old[0]);
      return old;
    },
    real: ([, , c], x) => {
      const v = c as Variable;
      const old = v.reshape([2]);
      v.assign(v.flip().sub(x));
      v.assign(v.add(old.slice([0, 1])));
      return old;
    },
  },
  {
    // Assigned without being read.
    model: (m, x) => {
      m.values[1] = [x, 2];
      return m.values[0] as Row;
    },
    real: ([a, b], x) => {
      (b as Variable).assign(x.mul(tensor([1, 0])).add(tensor([0, 2])));
      return (a as Variable).mul(1);
    },
  },
];

const at = <T>(list: readonly T[], i: number): T => list[i % list.length] as T;

function command(name: string, run: (m: Model, r: Real) => void): fc.Command<Model, Real> {
  return { check: () => true, run, toString: () => name };
}

const index = fc.nat({ max: 30 });
const small = fc.integer({ min: -3, max: 3 });

const commands = [
  fc.tuple(index, small, small).map(([i, x, y]) =>
    command(`assign data ${i} [${x},${y}]`, (m, r) => {
      m.values[i % count] = [x, y];
      at(r.variables, i).assign([x, y]);
    }),
  ),
  fc.tuple(index, index).map(([i, j]) =>
    command(`assign handle ${i} <- ${j}`, (m, r) => {
      if (m.handles.length === 0) return;
      m.values[i % count] = at(m.handles, j);
      at(r.variables, i).assign(at(r.handles, j));
    }),
  ),
  fc.tuple(index, index).map(([i, j]) =>
    command(`assign variable ${i} <- ${j}`, (m, r) => {
      m.values[i % count] = m.values[j % count] as Row;
      at(r.variables, i).assign(at(r.variables, j));
    }),
  ),
  fc.tuple(index, small).map(([i, x]) =>
    command(`assign expression ${i} · ${x}`, (m, r) => {
      m.values[i % count] = map(m.values[i % count] as Row, (v) => v * x);
      const v = at(r.variables, i);
      v.assign(v.mul(x));
    }),
  ),
  fc.tuple(index, index).map(([i, j]) =>
    command(`assign ${i} and ${j} together`, (m, r) => {
      if (i % count === j % count) return;
      const sum = at(r.variables, i).add(at(r.variables, j));
      const [a, b] = [m.values[i % count] as Row, m.values[j % count] as Row];
      m.values[i % count] = m.values[j % count] = [a[0] + b[0], a[1] + b[1]];
      assignAll([at(r.variables, i), at(r.variables, j)], [sum, sum]);
    }),
  ),
  fc.tuple(index, fc.boolean()).map(([i, lazy]) =>
    command(`hold ${i} ${lazy ? "lazily" : "as a view"}`, (m, r) => {
      const v = at(r.variables, i);
      m.handles.push(lazy ? map(m.values[i % count] as Row, (x) => x + 1) : (m.values[i % count] as Row));
      r.handles.push(lazy ? v.add(1) : v.reshape([2]));
    }),
  ),
  index.map((i) =>
    command(`read variable ${i}`, (m, r) => {
      expect(read(at(r.variables, i))).toEqual(m.values[i % count]);
    }),
  ),
  index.map((i) =>
    command(`read handle ${i}`, (m, r) => {
      if (m.handles.length > 0) expect(read(at(r.handles, i))).toEqual(at(m.handles, i));
    }),
  ),
  fc.tuple(index, small).map(([i, x]) =>
    command(`call ${i} (${x})`, (m, r) => {
      m.handles.push(at(programs, i).model(m, x));
      r.handles.push(at(r.steps, i)(x));
    }),
  ),
  fc.tuple(index, small, fc.integer({ min: 1, max: 4 })).map(([i, x, times]) =>
    command(`repeat ${i} (${x}) ${times} times`, (m, r) => {
      const rows: Row[] = [];
      for (let k = 0; k < times; k++) rows.push(at(programs, i).model(m, x));
      const stacked = at(r.steps, i).repeat(times, [x]);
      for (const [k, row] of rows.entries()) {
        m.handles.push(row);
        r.handles.push(stacked.at(k));
      }
    }),
  ),
  fc.tuple(index, small).map(([i, x]) =>
    command(`call a fresh compile of ${i} (${x})`, (m, r) => {
      m.handles.push(at(programs, i).model(m, x));
      const step = compile((t: Tensor) => at(programs, i).real(r.variables, t));
      r.handles.push(step(x));
    }),
  ),
  fc.tuple(index, small).map(([i, x]) =>
    command(`throw while tracing ${i}`, (_, r) => {
      const step = compile((t: Tensor) => {
        at(programs, i).real(r.variables, t);
        throw new Error("on purpose");
      });
      expect(() => step(x)).toThrow("on purpose");
    }),
  ),
  index.map((i) =>
    command(`fail on data ${i}`, (_, r) => {
      const v = at(r.variables, i);
      const step = compile((k: Tensor<"int32">) => {
        v.assign(v.add(v.gather(k)));
        return v.mul(1);
      });
      expect(() => step(tensor([5], { dtype: "int32" }))).toThrow(/gather/);
    }),
  ),
];

describe.each(["reference", "wasm"] as const)("variables and handles on %s", (device) => {
  it("agree with plain arrays in any order of events", () => {
    setDevice(device);
    try {
      fc.assert(
        fc.property(fc.commands(commands, { maxCommands: 40, size: "max" }), (list) => {
          const start: Row[] = [
            [1, 2],
            [3, 4],
            [-1, 0],
          ];
          const setup = () => {
            const variables = start.map((row, i) => variable(row, `v${i}`));
            const steps = programs.map((p) => compile((x: Tensor) => p.real(variables, x)));
            return {
              model: { values: [...start], handles: [] } as Model,
              real: { variables, handles: [], steps, fail: { now: false } } as Real,
            };
          };
          let state: ReturnType<typeof setup> | null = null;
          fc.modelRun(() => (state = setup()), list);
          // At the end, every handle and variable says what it must.
          const { model, real } = state as unknown as ReturnType<typeof setup>;
          expect(real.variables.map(read)).toEqual(model.values);
          expect(real.handles.map(read)).toEqual(model.handles);
        }),
        { numRuns: device === "wasm" ? 60 : 40, seed: 42 },
      );
    } finally {
      setDevice("auto");
    }
  });
});
