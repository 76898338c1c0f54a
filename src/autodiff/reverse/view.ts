// Cotangents of views: each view's adjoint is a view, or the sum over a stretched axis.

import { pad, permute, slice } from "../../graph/build.ts";
import { narrow } from "../../graph/narrow.ts";
import { inputOf } from "../../graph/node.ts";
import { unwindow } from "../../graph/unwindow.ts";
import { invert, reshaped, unspread, zerosLike } from "../arithmetic.ts";
import type { ReverseRows, ReverseRule } from "../rule.ts";

/** Puts the elements back where they were taken from: zeros around and, for steps, between them. */
const sliceRule: ReverseRule<"slice"> = (node, g) => [
  () => {
    const { shape } = inputOf(node, 0);
    const { starts, steps } = node.attributes;
    if (node.size === 0) return zerosLike(inputOf(node, 0));
    const last = node.shape.map((n) => n - 1);
    const backwards = steps.map((step) => step < 0);
    const forward = slice(
      g,
      last.map((n, i) => (backwards[i] ? n : 0)),
      node.shape,
      backwards.map((b) => (b ? -1 : 1)),
    );
    const stride = steps.map(Math.abs);
    const low = starts.map((start, i) => (backwards[i] ? start + (last[i] as number) * (steps[i] as number) : start));
    const high = shape.map((n, i) => n - (low[i] as number) - (last[i] as number) * (stride[i] as number) - 1);
    return pad(
      forward,
      low,
      high,
      0,
      stride.map((s) => s - 1),
    );
  },
];

export const views: ReverseRows<"view"> = {
  reshape: (node, g) => [() => reshaped(g, inputOf(node, 0).shape)],
  permute: (node, g) => [() => permute(g, invert(node.attributes.axes))],
  expand: (node, g) => [() => unspread(g, inputOf(node, 0).shape)],
  slice: sliceRule,
  window: (node, g) => [() => unwindow(g, inputOf(node, 0).shape, node.attributes)],
  pad: (node, g) => [
    () => {
      const { low, interior } = node.attributes;
      const { shape } = inputOf(node, 0);
      // An empty axis has no first element to start from.
      const starts = low.map((n, i) => (shape[i] === 0 ? 0 : n));
      if (interior.every((n) => n === 0)) return narrow(g, starts, shape);
      return slice(
        g,
        starts,
        shape,
        interior.map((n) => n + 1),
      );
    },
  ],
};
