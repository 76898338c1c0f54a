// The conventions `pre` and `post` of the cases: they make answers independent of signs, bases and parametrisations.

import { type AnyTensor, arange, logSoftmax, matmul, stopGradient, type Tensor, where } from "../../src/index.ts";

/** Changes the first argument, inside what is differentiated. */
export function pre(name: string, x: AnyTensor): AnyTensor {
  if (name === "log_softmax") return logSoftmax(x);
  if (name === "symmetrize") return x.add(x.transpose()).div(2);
  throw new Error(`unknown convention ${name}`);
}

/** The first `count` columns. */
const columns = (x: AnyTensor, count: number): AnyTensor => x.slice(...x.shape.slice(0, -1).map(() => null), [0, count]);

/** Turns results into outputs. */
export function post(name: string, results: readonly AnyTensor[]): readonly AnyTensor[] {
  if (name === "svd") {
    const [u, s, vh] = results as [Tensor, Tensor, Tensor];
    const k = s.shape.at(-1) as number;
    const rows = vh.slice(...vh.shape.slice(0, -2).map(() => null), [0, k], null);
    return [s, matmul(columns(u, k).mul(s.unsqueeze(-2)), rows)];
  }
  if (name === "eigh") {
    const [w, v] = results as [Tensor, Tensor];
    return [w, matmul(v.mul(w.unsqueeze(-2)), v.transpose())];
  }
  if (name === "qr") {
    const [q, r] = results as [Tensor, Tensor];
    const [k, n] = r.shape.slice(-2) as [number, number];
    const onDiagonal = arange(k).unsqueeze(1).eq(arange(n));
    const d = stopGradient(where(onDiagonal, r, 0).sum(-1));
    const sign = where(d.lt(0), -1, 1).cast("float32");
    return [q.mul(sign.unsqueeze(-2)), r.mul(sign.unsqueeze(-1))];
  }
  throw new Error(`unknown convention ${name}`);
}
