// Einstein's summation on nodes. Each operand is first made to carry each of its letters once (diagonals) and only letters that
// are needed elsewhere (sums); then operands are contracted pair by pair, the pair with the smallest result first.

import { cast, contract, permute, reduce, reshape } from "../../graph/build.ts";
import type { Node } from "../../graph/node.ts";
import { showShape, sizeOf } from "../../graph/shape.ts";
import { mistake } from "../../util/errors.ts";
import { floats } from "./contract.ts";
import { diagonal } from "./diagonal.ts";

/** A tensor whose axes have names: letters, and numbers for the axes of the ellipsis, counted from the last. */
interface Named {
  readonly node: Node;
  readonly names: readonly string[];
}

interface Equation {
  readonly inputs: readonly (readonly string[])[];
  readonly output: readonly string[];
}

function complaint(problem: string, got: unknown, expected: string, code = "OPTION") {
  return mistake(code, { where: "einsum", problem, got, expected });
}

/** The letters of one operand, or of the result; the ellipsis as the names of `between` axes. */
function letters(equation: string, text: string, between: number): string[] {
  const place = text.indexOf("...");
  const parts = place < 0 ? [text] : [text.slice(0, place), text.slice(place + 3)];
  const names = parts.map((part) => [...part]);
  const bad = names.flat().find((c) => !/[a-zA-Z]/.test(c));
  if (bad !== undefined) throw complaint(`"${bad}" is no letter`, equation, 'letters, ",", "->" and one "..." for each operand');
  const dots = Array.from({ length: between }, (_, i) => `${between - 1 - i}`);
  return place < 0 ? (names[0] as string[]) : [...(names[0] as string[]), ...dots, ...(names[1] as string[])];
}

function parse(equation: string, operands: readonly Node[]): Equation {
  const [left, right, ...more] = equation.replaceAll(/\s/g, "").split("->");
  if (left === undefined || more.length > 0) throw complaint('more than one "->"', equation, "one");
  const texts = left.split(",");
  if (texts.length !== operands.length)
    throw complaint(
      "the equation has another number of operands",
      `"${equation}" for ${operands.length} tensors`,
      `${texts.length} tensors`,
      "SHAPE",
    );
  let widest = 0;
  const inputs = texts.map((text, i) => {
    const { shape } = operands[i] as Node;
    const named = text.replace("...", "").length;
    const between = text.includes("...") ? shape.length - named : 0;
    if (between < 0 || (!text.includes("...") && named !== shape.length))
      throw complaint(`operand ${i} has another number of axes than "${text}"`, showShape(shape), `${named} axes`, "SHAPE");
    widest = Math.max(widest, between);
    return letters(equation, text, between);
  });
  if (right !== undefined)
    return { inputs, output: checkOutput(equation, letters(equation, right, right.includes("...") ? widest : 0), inputs) };
  // Without "->": the ellipsis, then what occurs once, in the order of the alphabet.
  const all = inputs.flat().filter((name) => /[a-zA-Z]/.test(name));
  const once = [...new Set(all)].filter((name) => all.indexOf(name) === all.lastIndexOf(name)).sort();
  return { inputs, output: [...letters(equation, "...", widest), ...once] };
}

function checkOutput(equation: string, output: readonly string[], inputs: readonly (readonly string[])[]): readonly string[] {
  const strange = output.find((name) => !inputs.some((names) => names.includes(name)));
  if (strange !== undefined) throw complaint(`"${strange}" of the result is in no operand`, equation, "letters of the operands");
  const twice = output.find((name, i) => output.indexOf(name) !== i);
  if (twice !== undefined) throw complaint(`"${twice}" is twice in the result`, equation, "each letter once");
  return output;
}

/** Repeated letters as diagonals. */
function distinct({ node, names }: Named): Named {
  const again = names.findIndex((name, i) => names.indexOf(name) !== i);
  if (again < 0) return { node, names };
  const name = names[again] as string;
  const first = names.indexOf(name);
  const [m, n] = [node.shape[first], node.shape[again]];
  if (m !== n) throw complaint(`the axes "${name}" of one operand differ`, showShape(node.shape), "equal sizes", "SHAPE");
  const rest = names.filter((_, i) => i !== first && i !== again);
  return distinct({ node: diagonal(node, 0, first, again), names: [...rest, name] });
}

/** The sizes of all names; an axis of size 1 stretches. */
function sizesOf(operands: readonly Named[]): Map<string, number> {
  const sizes = new Map<string, number>();
  operands.forEach(({ node, names }, i) => {
    names.forEach((name, axis) => {
      const [n, before] = [node.shape[axis] as number, sizes.get(name)];
      if (before !== undefined && before !== n && before !== 1 && n !== 1)
        throw complaint(
          `axis "${name}" of operand ${i} has another size than before`,
          `${n} in ${showShape(node.shape)}`,
          `${before}`,
          "SHAPE",
        );
      if (before === undefined || before === 1) sizes.set(name, n);
    });
  });
  return sizes;
}

/** Without axes of size 1 that stretch, and with those that nobody else needs summed. */
function trimmed({ node, names }: Named, sizes: ReadonlyMap<string, number>, needed: (name: string) => boolean): Named {
  const stays = names.map((name, i) => node.shape[i] === sizes.get(name));
  const kept = names.filter((_, i) => stays[i]);
  const narrow = reshape(
    node,
    node.shape.filter((_, i) => stays[i]),
  );
  const gone = kept.flatMap((name, i) => (needed(name) ? [] : [i]));
  return { node: gone.length === 0 ? narrow : reduce("reduceSum", narrow, gone), names: kept.filter(needed) };
}

/** Names of a product of two operands: shared ones that stay, then what is left of each. */
function namesOf(a: Named, b: Named, needed: (name: string) => boolean): { batch: string[]; summed: string[]; free: string[] } {
  const shared = a.names.filter((name) => b.names.includes(name));
  return {
    batch: shared.filter(needed),
    summed: shared.filter((name) => !needed(name)),
    free: [...a.names, ...b.names].filter((name) => !shared.includes(name)),
  };
}

function product(a: Named, b: Named, needed: (name: string) => boolean): Named {
  const { batch, summed, free } = namesOf(a, b, needed);
  const axes = (x: Named, names: readonly string[]) => names.map((name) => x.names.indexOf(name));
  const [x, y] = floats("einsum", a.node, b.node);
  return { node: contract(x, y, [axes(a, batch), axes(b, batch)], [axes(a, summed), axes(b, summed)]), names: [...batch, ...free] };
}

export function einsum(equation: string, tensors: readonly Node[]): Node {
  if (typeof equation !== "string") throw complaint("the equation must be text", equation, 'such as "ij,jk->ik"');
  if (tensors.length === 0) throw complaint("needs at least one tensor", "none", "tensors");
  const { inputs, output } = parse(equation, tensors);
  const named = tensors.map((node, i) => distinct({ node, names: inputs[i] as string[] }));
  const sizes = sizesOf(named);
  const neededBeside = (list: readonly Named[], ...these: readonly Named[]) => {
    const others = list.filter((x) => !these.includes(x));
    return (name: string) => output.includes(name) || others.some((x) => x.names.includes(name));
  };
  const countable = (x: Named): Named => (x.node.dtype === "bool" || x.node.dtype === "uint8" ? { ...x, node: cast(x.node, "int32") } : x);
  // Which axes are stretched must be known of all before any is summed.
  const whole = named.map(countable).map((x) => trimmed(x, sizes, () => true));
  let left = whole.map((x) => trimmed(x, sizes, neededBeside(whole, x)));
  while (left.length > 1) {
    const [a, b] = cheapest(left, sizes, (x, y) => neededBeside(left, x, y));
    left = [product(a, b, neededBeside(left, a, b)), ...left.filter((x) => x !== a && x !== b)];
  }
  const result = left[0] as Named;
  return permute(
    result.node,
    output.map((name) => result.names.indexOf(name)),
  );
}

/** The pair whose product has the fewest elements; the first of equals. */
function cheapest(
  list: readonly Named[],
  sizes: ReadonlyMap<string, number>,
  needed: (a: Named, b: Named) => (name: string) => boolean,
): [Named, Named] {
  let best: [Named, Named] = [list[0] as Named, list[1] as Named];
  if (list.length === 2) return best;
  let fewest = Number.POSITIVE_INFINITY;
  list.forEach((a, i) => {
    for (const b of list.slice(i + 1)) {
      const { batch, free } = namesOf(a, b, needed(a, b));
      const elements = sizeOf([...batch, ...free].map((name) => sizes.get(name) as number));
      if (elements < fewest) [best, fewest] = [[a, b], elements];
    }
  });
  return best;
}
