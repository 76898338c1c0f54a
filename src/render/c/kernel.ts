// One kernel → one C function `(pointers…, status, begin, end)`. Loop variables are 64-bit locals. A variable is declared
// where it gets its value, or at the top of the function when a later statement outside its block uses it.

import type { Expression, Kernel, Statement, ValueType } from "../../graph/kernel.ts";
import { visitExpression } from "../../graph/kernel.ts";
import { InternalError } from "../../util/errors.ts";
import { renderExpression, renderIndex, type Scope } from "./expression.ts";
import type { Helpers } from "./helpers.ts";
import { checkMemory, elements, identifier, isNarrow, pointerType, typeName } from "./types.ts";

/** Parameters and body of a kernel's function, without its name: equal for kernels that do the same. */
export function renderKernel(kernel: Kernel, helpers: Helpers): string {
  const writer = new KernelWriter(kernel, helpers);
  writer.block(kernel.body, 1);
  const pointers = kernel.buffers.map((buffer, i) => `${pointerType(buffer)}p${i}, `).join("");
  const top = [...writer.names].filter(([name]) => writer.hoisted.has(name));
  const declarations = top.map(([, { text, type }]) => `  ${typeName(type)} ${text};\n`);
  return `(${pointers}Status *status, i32 begin, i32 end) {\n${declarations.join("")}${writer.lines.join("\n")}\n}`;
}

interface Variable {
  readonly text: string;
  readonly wide: boolean;
  readonly type: ValueType;
}

const index: ValueType = { scalar: "i32", lanes: 1 };

class KernelWriter implements Scope {
  readonly lines: string[] = [];
  readonly names = new Map<string, Variable>();
  readonly hoisted: ReadonlySet<string>;
  private declared = 0;
  readonly helpers: Helpers;
  readonly buffers: Kernel["buffers"];

  constructor(kernel: Kernel, helpers: Helpers) {
    this.helpers = helpers;
    this.buffers = kernel.buffers;
    this.hoisted = usedOutside(kernel.body);
    for (const name of ["begin", "end"]) this.names.set(name, { text: name, wide: false, type: index });
  }

  variable(name: string): Variable {
    const found = this.names.get(name);
    if (found === undefined) throw new InternalError(`C renderer: variable ${name} is used before it has a value`);
    return found;
  }

  private introduce(name: string, type: ValueType, wide: boolean): Variable {
    const variable = { text: `v${this.declared++}_${identifier(name)}`, wide, type };
    this.names.set(name, variable);
    return variable;
  }

  block(statements: readonly Statement[], depth: number): void {
    for (const statement of statements) this.statement(statement, depth);
  }

  private statement(s: Statement, depth: number): void {
    const write = (text: string) => this.lines.push("  ".repeat(depth) + text);
    const value = (e: Expression) => renderExpression(e, this);
    switch (s.kind) {
      case "let": {
        const text = value(s.value);
        const variable = this.introduce(s.name, s.value.type, false);
        write(`${this.hoisted.has(s.name) ? "" : `${typeName(s.value.type)} `}${variable.text} = ${text};`);
        return;
      }
      case "set":
        write(`${this.variable(s.name).text} = ${value(s.value)};`);
        return;
      case "store":
        write(this.store(s));
        return;
      case "loop": {
        const [start, end] = [renderIndex(s.start, this), renderIndex(s.end, this)];
        const { text } = this.introduce(s.variable, index, !this.hoisted.has(s.variable));
        const type = this.hoisted.has(s.variable) ? "" : "i64 ";
        // A loop variable that is read after its loop is an i32 of the function, set in each turn.
        const counter = type === "" ? `${text}_` : text;
        write(`for (i64 ${counter} = ${start}, ${text}_end = ${end}; ${counter} < ${text}_end; ${counter} += ${s.step}) {`);
        if (type === "") this.lines.push(`${"  ".repeat(depth + 1)}${text} = (i32)${counter};`);
        this.block(s.body, depth + 1);
        write("}");
        return;
      }
      case "while":
        write(`while (${value(s.condition)}) {`);
        this.block(s.body, depth + 1);
        write("}");
        return;
      case "if":
        write(`if (${value(s.condition)}) {`);
        this.block(s.then, depth + 1);
        if (s.otherwise.length > 0) {
          write("} else {");
          this.block(s.otherwise, depth + 1);
        }
        write("}");
        return;
      case "flag":
        write(`if (status->code == 0 && ${value(s.condition)}) {`);
        write(`  status->code = ${s.check + 1};`);
        write(`  status->detail = (i32)${value(s.value)};`);
        write("}");
        return;
    }
  }

  private store(s: Statement & { kind: "store" }): string {
    const buffer = this.buffers[s.buffer];
    if (buffer === undefined) throw new InternalError(`C renderer: the kernel has no buffer ${s.buffer}`);
    if (buffer.access === "read") throw new InternalError(`C renderer: a store to buffer ${s.buffer}, which is only read`);
    const { type } = s.value;
    const { memory } = buffer;
    checkMemory(memory, type);
    const at = renderIndex(s.index, this);
    const value = renderExpression(s.value, this);
    if (type.lanes === 1) {
      const stored = isNarrow(memory) || memory === "bool" ? `(${elements[memory]})${value}` : value;
      return `${s.count === undefined ? "" : `if (${renderExpression(s.count, this)} > 0) `}p${s.buffer}[${at}] = ${stored};`;
    }
    const bits = isNarrow(memory) && type.scalar === "u32" ? `(i32x${type.lanes})${value}` : value;
    const target = `p${s.buffer} + ${at}`;
    if (s.count === undefined) return `${this.helpers.store(memory, type.lanes)}(${target}, ${bits});`;
    return `${this.helpers.storeCount(memory, type.lanes)}(${target}, ${bits}, ${renderExpression(s.count, this)});`;
  }
}

/** Variables that are read or set outside of the block that declares them, and loop variables that are set. */
function usedOutside(body: readonly Statement[]): Set<string> {
  const visible = new Set(["begin", "end"]);
  const outside = new Set<string>();
  const loops = new Set<string>();
  const use = (name: string) => {
    if (!visible.has(name)) outside.add(name);
  };
  const read = (...expressions: Expression[]) => {
    for (const expression of expressions)
      visitExpression(expression, (e) => {
        if (e.kind === "variable") use(e.name);
      });
  };
  const block = (statements: readonly Statement[], ...declared: string[]) => {
    const here = [...declared];
    for (const name of declared) visible.add(name);
    for (const s of statements) {
      switch (s.kind) {
        case "let":
          read(s.value);
          visible.add(s.name);
          here.push(s.name);
          break;
        case "set":
          read(s.value);
          use(s.name);
          if (loops.has(s.name)) outside.add(s.name);
          break;
        case "store":
          read(s.index, s.value);
          if (s.count !== undefined) read(s.count);
          break;
        case "loop":
          read(s.start, s.end);
          loops.add(s.variable);
          block(s.body, s.variable);
          break;
        case "while":
          read(s.condition);
          block(s.body);
          break;
        case "if":
          read(s.condition);
          block(s.then);
          block(s.otherwise);
          break;
        case "flag":
          read(s.condition, s.value);
          break;
      }
    }
    for (const name of here) visible.delete(name);
  };
  block(body);
  return outside;
}
