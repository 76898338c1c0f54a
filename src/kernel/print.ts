// A kernel as text that people read: one statement a line, vectors marked by their lanes, buffers as b0, b1, …

import type { BinaryOperation, Expression, Kernel, Statement, UnaryOperation } from "../graph/kernel.ts";

const infix: Partial<Record<BinaryOperation, string>> = {
  add: "+",
  sub: "-",
  mul: "*",
  div: "/",
  rem: "%",
  and: "&",
  or: "|",
  xor: "^",
  shl: "<<",
  shr: ">>",
  eq: "==",
  ne: "!=",
  lt: "<",
  le: "<=",
};

const prefix: Partial<Record<UnaryOperation, string>> = { neg: "-", not: "!" };

/** The whole kernel as pseudo-code. */
export function printKernel(kernel: Kernel): string {
  const buffers = kernel.buffers.map(({ memory, access }, i) => `b${i}: ${access === "read" ? "" : `${access} `}${memory}`);
  const lines: string[] = [`${kernel.name}(${buffers.join(", ")}) over ${kernel.extent} {`];
  printBlock(kernel.body, "  ", lines);
  return [...lines, "}"].join("\n");
}

function printBlock(statements: readonly Statement[], indent: string, lines: string[]): void {
  const block = (head: string, body: readonly Statement[], foot = "}") => {
    lines.push(`${indent}${head} {`);
    printBlock(body, `${indent}  `, lines);
    lines.push(`${indent}${foot}`);
  };
  for (const s of statements) {
    switch (s.kind) {
      case "let":
        lines.push(`${indent}${s.name}: ${typeText(s.value)} = ${print(s.value)}`);
        break;
      case "set":
        lines.push(`${indent}${s.name} = ${print(s.value)}`);
        break;
      case "store": {
        const count = s.count === undefined ? "" : ` first ${print(s.count)}`;
        lines.push(`${indent}b${s.buffer}[${print(s.index)}]${lanesText(s.value)} = ${print(s.value)}${count}`);
        break;
      }
      case "loop": {
        const step = s.step === 1 ? "" : ` by ${s.step}`;
        block(`for ${s.variable} from ${print(s.start)} to ${print(s.end)}${step}`, s.body);
        break;
      }
      case "while":
        block(`while ${print(s.condition)}`, s.body);
        break;
      case "if":
        block(`if ${print(s.condition)}`, s.then, s.otherwise.length > 0 ? "} else {" : "}");
        if (s.otherwise.length > 0) {
          printBlock(s.otherwise, `${indent}  `, lines);
          lines.push(`${indent}}`);
        }
        break;
      case "flag":
        lines.push(`${indent}flag ${s.check} of ${print(s.value)} if ${print(s.condition)}`);
        break;
    }
  }
}

function typeText({ type }: Expression): string {
  return type.lanes === 1 ? type.scalar : `${type.scalar}x${type.lanes}`;
}

function lanesText({ type }: Expression): string {
  return type.lanes === 1 ? "" : `:${type.lanes}`;
}

/** An expression as text; what is not a name or a number stands in brackets inside others. */
function print(e: Expression): string {
  switch (e.kind) {
    case "constant":
      return e.type.scalar === "bool" ? String(e.value !== 0) : Object.is(e.value, -0) ? "-0" : String(e.value);
    case "variable":
      return e.name;
    case "load":
      return `b${e.buffer}[${print(e.index)}]${lanesText(e)}`;
    case "gather":
      return `b${e.buffer}[${print(e.index)}]`;
    case "unary":
      return prefix[e.operation] === undefined ? call(e.operation, e.value) : `${prefix[e.operation]}${inner(e.value)}`;
    case "binary":
      return infix[e.operation] === undefined
        ? call(e.operation, e.left, e.right)
        : `${inner(e.left)} ${infix[e.operation]} ${inner(e.right)}`;
    case "select":
      return `${inner(e.condition)} ? ${inner(e.yes)} : ${inner(e.no)}`;
    case "fma":
      return call("fma", e.a, e.b, e.c);
    case "cast":
    case "bitcast":
      return `${e.kind === "cast" ? "" : "bits "}${typeText(e)}(${print(e.value)})`;
    case "splat":
      return call("splat", e.value);
    case "lane":
      return `${inner(e.value)}.${e.lane}`;
    case "ramp":
      return call("ramp", e.value);
    case "host":
      return call(e.function, ...e.arguments);
  }
}

function call(name: string, ...operands: readonly Expression[]): string {
  return `${name}(${operands.map(print).join(", ")})`;
}

function inner(e: Expression): string {
  const text = print(e);
  return /^-?[\w.]+$|^\w+\([^()]*\)$|^b\d+\[[^[\]]*\](:\d+)?$/.test(text) ? text : `(${text})`;
}
