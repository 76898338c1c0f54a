// One case: call, results, gradients of Σ⟨cotangent, output⟩, in-place changes, all computed by one program and compared.

import { realize } from "../../src/engine/realize.ts";
import {
  type AnyTensor,
  DownhillError,
  gradients,
  InternalError,
  type Tensor,
  tensor,
  UnsupportedError,
  Variable,
} from "../../src/index.ts";
import type { Binding, Bindings } from "./binding.ts";
import { type Case, type ErrorCase, groupOf, resolve, type Tensors } from "./cases.ts";
import { difference, type Tolerance } from "./compare.ts";
import { post, pre } from "./conventions.ts";

export type Outcome =
  | { readonly kind: "passed"; readonly remark?: string }
  | { readonly kind: "failed"; readonly why: string }
  | { readonly kind: "unsupported"; readonly why: string };

const passed: Outcome = { kind: "passed" };
const failed = (why: string): Outcome => ({ kind: "failed", why });

const loaded = new Map<string, Bindings>();

/** The binding of an operation; null where its group has none. */
export async function bindingOf(group: string, op: string): Promise<Binding | null> {
  let bindings = loaded.get(group);
  if (bindings === undefined) {
    try {
      ({ bindings } = (await import(`./bindings/${group}.ts`)) as { bindings: Bindings });
    } catch (error) {
      if ((error as { code?: string }).code !== "ERR_MODULE_NOT_FOUND" || !(error as Error).message.includes(`/bindings/${group}.ts`))
        throw error;
      bindings = {};
    }
    loaded.set(group, bindings);
  }
  return bindings[op] ?? null;
}

/** linspace(0.5, 1.5, n), as the answers' gradients were made with. */
function cotangentOf(output: AnyTensor): Tensor {
  const n = output.size;
  const values = Float32Array.from({ length: n }, (_, i) => (n === 1 ? 0.5 : 0.5 + i / (n - 1)));
  return tensor(values, { shape: output.shape });
}

const describe = (error: unknown): string =>
  error instanceof DownhillError ? `${error.code}: ${error.message}` : String((error as Error)?.stack ?? error);

/** Runs a case and says how it went. */
export async function runCase(c: Case, tensors: Tensors, defaults: Tolerance): Promise<Outcome> {
  const binding = await bindingOf(groupOf(c), c.op);
  if (binding === null) return { kind: "unsupported", why: `no binding for ${c.op}` };
  try {
    return check(c, binding, tensors, { rtol: c.rtol ?? defaults.rtol, atol: c.atol ?? defaults.atol });
  } catch (error) {
    if (error instanceof UnsupportedError) return { kind: "unsupported", why: error.message };
    return failed(describe(error));
  }
}

function check(c: Case, binding: Binding, tensors: Tensors, tolerance: Tolerance): Outcome {
  const call = resolve(c, tensors);
  const args = c.pre === undefined ? call.args : [pre(c.pre, call.args[0] as AnyTensor), ...call.args.slice(1)];
  const result = binding(args, call.kwargs);
  const direct = Array.isArray(result) ? (result as readonly AnyTensor[]) : [result as AnyTensor];
  const outputs = c.post === undefined ? direct : post(c.post, direct);
  if (outputs.length !== c.outputs.length) return failed(`${outputs.length} outputs, expected ${c.outputs.length}`);

  const named: [what: string, actual: AnyTensor, expected: string][] = outputs.map((t, i) => [`output ${i}`, t, c.outputs[i] as string]);
  const asked = Object.entries(c.grads ?? {});
  if (asked.length > 0) {
    const wrt = asked.map(([name]) => call.inputs.get(name) as Tensor);
    const terms = (c.gradOutputs ?? []).map((i) => (outputs[i] as AnyTensor).mul(cotangentOf(outputs[i] as AnyTensor)).sum());
    const [first, ...others] = terms;
    if (first === undefined) return failed("gradients are asked for, but no output has a cotangent");
    const total = others.reduce((sum, term) => sum.add(term), first);
    const found = gradients(total, wrt, { allowUnused: true });
    asked.forEach(([name, grad], i) => {
      named.push([`gradient of ${name.split(":").at(-1)}`, found[i] as AnyTensor, grad]);
    });
  }
  for (const [name, after] of Object.entries(c.mutates ?? {})) {
    const changed = call.inputs.get(name);
    if (changed instanceof Variable) named.push([`${name.split(":").at(-1)} afterwards`, changed, after]);
  }

  realize(named.map(([, actual]) => actual.node));
  for (const [what, actual, expected] of named) {
    const found = difference(
      { shape: actual.shape, dtype: actual.dtype, data: actual.dataSync() },
      tensors.raw(c.file, expected),
      tolerance,
    );
    if (found !== null) return failed(`${what}: ${found}`);
  }
  return passed;
}

/** Whether a message says the operation, what was got and what was expected. */
const isComplete = (message: string): boolean => /^[^:]+: /.test(message) && /\bgot\b/.test(message) && /\bexpected\b/.test(message);

/** A call that must be refused before anything runs, or at the latest on reading where that depends on the data. */
export async function runError(c: ErrorCase, tensors: Tensors): Promise<Outcome> {
  const binding = await bindingOf(c.group, c.op);
  if (binding === null) return { kind: "unsupported", why: `no binding for ${c.op}` };
  try {
    const call = resolve(c, tensors);
    const result = binding(call.args, call.kwargs);
    if (c.dataDependent === true) for (const t of Array.isArray(result) ? result : [result]) (t as AnyTensor).dataSync();
  } catch (error) {
    if (!(error instanceof DownhillError) || error instanceof InternalError) return failed(`not one of our errors: ${describe(error)}`);
    return isComplete(error.message) ? passed : { kind: "passed", remark: error.message };
  }
  return failed("no error was thrown");
}
