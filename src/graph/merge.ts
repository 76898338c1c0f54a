// Merges scans that run the same loop and differ only in what they put out: same operands, same body parameters, same next
// carries. Reverse mode makes such twins: the forward scan once as written, once putting out the carries it needs saved.

import { rebuild, scan } from "./build.ts";
import { is, type Node, topological } from "./node.ts";
import type { Region } from "./operation.ts";
import { creationOrder, mapRegions } from "./rewrite.ts";

/** The graph with twin scans made one, in regions too. Nodes that do not change keep their identity. */
export function mergeScans(roots: readonly Node[]): Node[] {
  const order = creationOrder(topological(roots));
  const twins = findTwins(order);
  const merged = new Map<readonly Node<"scan">[], readonly Node[]>();
  const memo = new Map<Node, Node>();
  const renewRegion = (region: Region): Region => {
    const results = mergeScans(region.results);
    return results.every((r, i) => r === region.results[i]) ? region : { parameters: region.parameters, results };
  };
  for (const node of order) {
    const inputs = node.inputs.map((x) => memo.get(x) as Node);
    const from = node.inputs[0];
    const group = from !== undefined && is(node, "project") ? twins.get(from) : undefined;
    if (group === undefined) {
      memo.set(node, rebuild(mapRegions(node, renewRegion), inputs));
      continue;
    }
    let results = merged.get(group);
    if (results === undefined) {
      results = build(
        group,
        (group[0] as Node).inputs.map((x) => memo.get(x) as Node),
        renewRegion,
      );
      merged.set(group, results);
    }
    memo.set(node, results[positionOf(group, from as Node<"scan">, (node as Node<"project">).attributes.index)] as Node);
  }
  return roots.map((root) => memo.get(root) as Node);
}

/** Scans that have a twin, each with its group. */
function findTwins(order: readonly Node[]): Map<Node, readonly Node<"scan">[]> {
  const groups: Node<"scan">[][] = [];
  for (const node of order) {
    if (!is(node, "scan")) continue;
    const group = groups.find((g) => areTwins(g[0] as Node<"scan">, node));
    if (group === undefined) groups.push([node]);
    else group.push(node);
  }
  return new Map(groups.filter((g) => g.length > 1).flatMap((g) => g.map((node) => [node, g] as const)));
}

const same = <T>(a: readonly T[], b: readonly T[]) => a.length === b.length && a.every((x, i) => x === b[i]);

function areTwins(a: Node<"scan">, b: Node<"scan">): boolean {
  const [x, y] = [a.attributes, b.attributes];
  return (
    same(a.inputs, b.inputs) &&
    same(x.body.parameters, y.body.parameters) &&
    x.constants === y.constants &&
    x.carries === y.carries &&
    x.length === y.length &&
    x.reverse === y.reverse &&
    same(x.body.results.slice(0, x.carries), y.body.results.slice(0, y.carries))
  );
}

/** What the merged body puts out: the carries, then every other result of any twin, once. */
function unionOf(group: readonly Node<"scan">[]): Node[] {
  const [first] = group as [Node<"scan">];
  const { body, carries } = first.attributes;
  const outputs = new Set(group.flatMap((node) => node.attributes.body.results.slice(carries)));
  return [...body.results.slice(0, carries), ...outputs];
}

function positionOf(group: readonly Node<"scan">[], node: Node<"scan">, index: number): number {
  const { body, carries } = node.attributes;
  return index < carries ? index : unionOf(group).indexOf(body.results[index] as Node, carries);
}

function build(group: readonly Node<"scan">[], inputs: readonly Node[], renewRegion: (region: Region) => Region): Node[] {
  const { body, constants, carries, length, reverse } = (group[0] as Node<"scan">).attributes;
  const union = renewRegion({ parameters: body.parameters, results: unionOf(group) });
  return scan(
    union,
    inputs.slice(0, constants),
    inputs.slice(constants, constants + carries),
    inputs.slice(constants + carries),
    length,
    reverse,
  );
}
