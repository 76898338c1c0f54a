import { describe, expect, test } from "vitest";
import { binary, buffer, cond, constant, input, scan, unary, whileLoop } from "../../src/graph/build.ts";
import { is, type Node, topological } from "../../src/graph/node.ts";
import { inline, regionsOf, rewrite, substitute, walkRegions } from "../../src/graph/rewrite.ts";
import { Storage } from "../../src/graph/storage.ts";

const x = input([], "float32", "x");
const y = input([], "float32", "y");

/** neg(neg(a)) becomes a. */
const doubleNegation = (node: Node, inputs: readonly Node[]): Node | null =>
  node.op === "neg" && inputs[0]?.op === "neg" ? (inputs[0].inputs[0] as Node) : null;

describe("rewrite", () => {
  test("keeps the identity of what does not change", () => {
    const root = binary("add", unary("exp", x), y);
    expect(rewrite([root], doubleNegation)[0]).toBe(root);
  });

  test("rewrites bottom-up and rebuilds the users only", () => {
    const kept = unary("sin", y);
    const changed = unary("exp", unary("neg", unary("neg", x)));
    const [root] = rewrite([binary("mul", kept, changed)], doubleNegation);
    expect(root?.op).toBe("mul");
    expect(root?.inputs[0]).toBe(kept);
    expect(root?.inputs[1]?.op).toBe("exp");
    expect(root?.inputs[1]?.inputs[0]).toBe(x);
  });

  test("an inner rewrite feeds an outer one in the same pass", () => {
    let chain: Node = x;
    for (let i = 0; i < 8; i++) chain = unary("neg", chain);
    expect(rewrite([chain], doubleNegation)[0]).toBe(x);
  });

  test("shared nodes are offered once, and stay shared", () => {
    const shared = unary("exp", x);
    const seen: Node[] = [];
    const [root] = rewrite([binary("add", unary("neg", shared), shared)], (node) => {
      seen.push(node);
      return node.op === "exp" ? unary("expm1", x) : null;
    });
    expect(seen.filter((n) => n.op === "exp")).toHaveLength(1);
    expect(root?.inputs[0]?.inputs[0]).toBe(root?.inputs[1]);
  });

  test("repeat offers the result again, and a rule that never rests is our bug", () => {
    const lower = (node: Node, inputs: readonly Node[]) => {
      if (node.op === "expm1") return unary("exp", inputs[0] as Node);
      return node.op === "exp" ? unary("sin", inputs[0] as Node) : null;
    };
    expect(rewrite([unary("expm1", x)], lower, { repeat: true })[0]?.op).toBe("sin");
    expect(rewrite([unary("expm1", x)], lower)[0]?.op).toBe("exp");
    const swap = (node: Node, inputs: readonly Node[]) => (is(node, "add") ? binary("add", inputs[1] as Node, inputs[0] as Node) : null);
    expect(() => rewrite([binary("add", x, y)], swap, { repeat: true })).toThrow(/does not come to rest/);
  });

  test("goes into regions, leaves their parameters alone, and keeps untouched regions", () => {
    const p = input([], "float32", "p");
    const body = { parameters: [p], results: [unary("neg", unary("neg", unary("sin", p)))] };
    const same = { parameters: [p], results: [unary("cos", p)] };
    const predicate = input([], "bool");
    const [root] = cond(predicate, body, same, [x]);
    const offered: Node[] = [];
    const [rewritten] = rewrite([root as Node], (node, inputs) => {
      offered.push(node);
      return doubleNegation(node, inputs);
    });
    const region = rewritten?.inputs[0] as Node;
    expect(is(region, "cond") && region.attributes.then.results[0]?.op).toBe("sin");
    expect(is(region, "cond") && region.attributes.otherwise).toBe(same);
    expect(offered).not.toContain(p);
    expect(rewrite([root as Node], () => null)[0]).toBe(root);
  });

  test("a rewritten loop body reaches all its projections", () => {
    const [c, s] = [input([], "float32"), input([], "float32")];
    const doubled = unary("neg", unary("neg", binary("add", c, s)));
    const results = scan({ parameters: [c, s], results: [doubled, doubled] }, [], [x], [input([4], "float32")], 4);
    const [carry, stacked] = rewrite(results, doubleNegation);
    expect(carry?.inputs[0]).toBe(stacked?.inputs[0]);
    expect(stacked?.shape).toEqual([4]);
    const body = regionsOf(carry?.inputs[0] as Node)[0];
    expect(body?.results.map((r) => r.op)).toEqual(["add", "add"]);
  });

  test("works on a chain of 20,000 nodes", () => {
    let chain: Node = x;
    for (let i = 0; i < 20_000; i++) chain = unary("sin", chain);
    const [root] = rewrite([chain], (node, inputs) => (node.op === "sin" ? unary("cos", inputs[0] as Node) : null));
    expect(topological([root as Node])).toHaveLength(20_001);
  });
});

describe("substitute and inline", () => {
  test("replaces nodes and shares what does not depend on them", () => {
    const kept = unary("exp", y);
    const [root] = substitute([binary("add", unary("sin", x), kept)], new Map([[x as Node, kept]]));
    expect(root?.inputs[0]?.inputs[0]).toBe(kept);
    expect(root?.inputs[1]).toBe(kept);
  });

  test("does not look behind a replaced node", () => {
    const inner = unary("sin", x);
    const [root] = substitute([unary("exp", inner)], new Map([[inner, y as Node]]));
    expect(root?.inputs[0]).toBe(y);
  });

  test("refuses a replacement of another type", () => {
    expect(() => substitute([unary("exp", x)], new Map([[x as Node, input([2], "float32")]]))).toThrow(/changes the type/);
  });

  test("inline writes the body out", () => {
    const [p, q] = [input([], "float32"), input([], "float32")];
    const two = constant(2, "float32");
    const [root] = inline({ parameters: [p, q], results: [binary("mul", binary("add", p, q), two)] }, [x, y]);
    expect(root?.inputs[1]).toBe(two);
    expect(root?.inputs[0]?.inputs).toEqual([x, y]);
  });
});

test("walkRegions visits every region once, at any depth", () => {
  const p = input([], "float32");
  const inner = { parameters: [p], results: [unary("sin", p)] };
  const q = input([], "float32");
  const storage = new Storage("bool", 1, Uint8Array.of(1));
  const [choice] = cond(buffer(storage, []), inner, inner, [q]);
  const outer = { parameters: [q], results: [choice as Node] };
  const t = input([], "float32");
  const condition = { parameters: [t], results: [binary("lt", t, constant(1, "float32"))] };
  const [root] = whileLoop(condition, outer, [], [x]);
  const visited: unknown[] = [];
  walkRegions([root as Node], (order, region) => {
    visited.push(region);
    expect(order.length).toBeGreaterThan(1);
  });
  expect(visited).toEqual([null, condition, outer, inner]);
});
