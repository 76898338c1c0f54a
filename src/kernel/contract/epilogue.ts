// What follows the product, computed on the accumulators before they are stored.

import type { Expression } from "../../graph/kernel.ts";
import type { Builder } from "../builder.ts";
import * as x from "../expression.ts";
import type { Binding, Environment, Frame } from "../frames.ts";
import type { Index, Variable } from "../index.ts";
import type { Value } from "../value.ts";
import { type Mutable, type Place, positionOf } from "./place.ts";
import { isSideBySide, type Plan } from "./plan.ts";

/** The task's results in terms of the coordinates b, m and n, and of the product there. */
export interface Results {
  readonly variables: readonly [b: Variable, m: Variable, n: Variable];
  readonly product: Value;
  readonly outputs: readonly { readonly buffer: number; readonly value: Value; readonly index: Index }[];
}

/** One vector of a tile's columns: where it is, and how many of its lanes are inside; null for all. */
interface Column {
  readonly binding: Binding;
  readonly count: Expression | null;
}

/** Writes the outputs of a tile from its accumulators. */
export function writeEpilogue(builder: Builder, plan: Plan, results: Results, frame: Frame, place: Place, sums: Mutable[][]): void {
  const [b, m, n] = results.variables;
  const columns = columnsOf(builder, plan, n, frame, place.panel, (sums[0] as Mutable[]).length);
  const inBatch = builder.bind(b, frame, place.batch);
  const firstRow = builder.bind(m, frame, place.row);
  sums.forEach((vectors, r) => {
    const inRow = builder.bind(m, frame, place.row, { offset: r, sharing: firstRow });
    const environments = vectors.map((sum, j) => {
      const environment = builder.empty.with(inBatch, inRow, (columns[j] as Column).binding);
      builder.define(results.product, environment, sum);
      return environment;
    });
    const values = environments.map((e) => results.outputs.map((o) => builder.spread(o.value, e)));
    environments.forEach((environment, j) => {
      store(builder, results, frame, environment, values[j] as readonly Expression[], (columns[j] as Column).count);
    });
  });
}

function columnsOf(builder: Builder, plan: Plan, n: Variable, frame: Frame, panel: Expression, vectors: number): Column[] {
  const { lanes, run } = plan;
  const name = (e: Expression) => builder.let(frame, e);
  const whole = run % (run === plan.n ? lanes * plan.vectors : lanes) === 0;
  const sideBySide = isSideBySide(plan);
  const first = positionOf(plan, panel, 0, name);
  const columnOf = (position: { run: Expression; inRun: Expression }) =>
    name(x.add(x.mul(position.run, run), x.mul(position.inRun, lanes)));
  if (whole && sideBySide) {
    const column = columnOf(first);
    const sharing = builder.bind(n, frame, column, { vector: true });
    return Array.from({ length: vectors }, (_, j) => ({
      binding: builder.bind(n, frame, column, { offset: j * lanes, vector: true, sharing }),
      count: null,
    }));
  }
  return Array.from({ length: vectors }, (_, j) => {
    const position = sideBySide ? { run: first.run, inRun: name(x.add(first.inRun, j)) } : positionOf(plan, panel, j, name);
    const column = columnOf(position);
    if (whole) return { binding: builder.bind(n, frame, column, { vector: true }), count: null };
    // Behind the last column, work goes on at a safe place and is not stored.
    const safe = name(x.min(column, plan.n - 1));
    const inFirst = plan.perRun === 1 && (run < plan.n || plan.vectors === 1);
    const count = inFirst ? x.integer(run) : name(x.sub(run, x.mul(position.inRun, lanes)));
    return { binding: builder.bind(n, frame, safe, { vector: true, last: plan.n - 1 }), count };
  });
}

function store(
  builder: Builder,
  { outputs }: Results,
  frame: Frame,
  environment: Environment,
  values: readonly Expression[],
  count: Expression | null,
): void {
  const to = count === null || x.constantOf(count) !== null ? frame : builder.inside(frame);
  outputs.forEach(({ buffer, index }, i) => {
    const statement = { kind: "store", buffer, index: builder.scalarIndex(index, environment), value: values[i] as Expression } as const;
    to.statements.push(count === null ? statement : { ...statement, count });
  });
  if (to !== frame) frame.statements.push(x.branch(x.lt(0, count as Expression), to.statements));
}
