// Line charts as SVG text: axes with round ticks, a legend, a logarithmic scale where values span orders of magnitude.
// Self-contained (no scripts, no fonts to fetch), readable on light and dark pages.

export interface Series {
  readonly name: string;
  /** `[x, y]`, x increasing. Points that are not finite are left out. */
  readonly points: readonly (readonly [number, number])[];
  /** `faint` is a thin pale line for raw values behind a smooth one. Default `line`. */
  readonly style?: "line" | "faint";
  /** Index into the palette; series of one colour belong together. Default: its place in the list. */
  readonly color?: number;
}

export interface ChartOptions {
  readonly title: string;
  /** A smaller line under the title. */
  readonly subtitle?: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly series: readonly Series[];
  /** Where the x axis begins. Default: at the first point. */
  readonly from?: number;
  /** A vertical line with a caption, such as the best epoch. */
  readonly mark?: { readonly x: number; readonly caption: string };
}

const palette = ["#2563eb", "#ea580c", "#16a34a", "#9333ea", "#0891b2", "#be123c"] as const;
const width = 860;
const height = 500;
const plot = { left: 76, right: width - 28, top: 84, bottom: height - 60 };

/**
 * Draws lines over a common x.
 *
 * @returns an SVG document
 * @example
 * const svg = drawChart({ title: "Squares", xLabel: "x", yLabel: "x²", series: [{ name: "x²", points: [[1, 1], [2, 4], [3, 9]] }] });
 * console.log(svg.slice(0, 4)); // <svg
 */
export function drawChart(options: ChartOptions): string {
  const series = options.series
    .map((s, i) => ({
      ...s,
      hue: palette[(s.color ?? i) % palette.length] as string,
      points: s.points.filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y)),
    }))
    .filter((s) => s.points.length > 0);
  const xs = [...(options.from === undefined ? [] : [options.from]), ...series.flatMap((s) => s.points.map(([x]) => x))];
  const ys = series.flatMap((s) => s.points.map(([, y]) => y));
  const [low, high] = [least(ys, 0), most(ys, 1)];
  const logarithmic = low > 0 && high / low > 30;
  const xTicks = linearTicks(least(xs, 0), most(xs, 1), wholeTicks(most(xs, 1) - least(xs, 0)));
  const yTicks = logarithmic ? logTicks(low, high) : linearTicks(low, high, 7);
  const [x0, x1] = [least(xs, 0), Math.max(most(xs, 1), least(xs, 0) + 1e-9)];
  const scaleY = logarithmic ? Math.log : (v: number) => v;
  const [y0, y1] = [scaleY(Math.min(low, yTicks[0] as number)), scaleY(Math.max(high, yTicks[yTicks.length - 1] as number))];
  const px = (x: number) => plot.left + ((x - x0) / (x1 - x0)) * (plot.right - plot.left);
  const py = (y: number) => plot.bottom - ((scaleY(y) - y0) / (y1 - y0 || 1)) * (plot.bottom - plot.top);

  const out: string[] = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escape(options.title)}" font-family="system-ui, -apple-system, 'Segoe UI', sans-serif">`,
    `<rect width="${width}" height="${height}" rx="8" fill="#ffffff"/>`,
    text(plot.left, 34, options.title, 'font-size="20" font-weight="600" fill="#111827"'),
  ];
  if (options.subtitle !== undefined) out.push(text(plot.left, 58, options.subtitle, 'font-size="13" fill="#6b7280"'));

  for (const tick of yTicks) {
    const y = round(py(tick));
    out.push(`<line x1="${plot.left}" x2="${plot.right}" y1="${y}" y2="${y}" stroke="#e5e7eb"/>`);
    out.push(text(plot.left - 10, y + 4, label(tick), 'font-size="12" text-anchor="end" fill="#4b5563"'));
  }
  for (const tick of xTicks) {
    if (tick < x0 || tick > x1) continue;
    const x = round(px(tick));
    out.push(`<line x1="${x}" x2="${x}" y1="${plot.bottom}" y2="${plot.bottom + 5}" stroke="#9ca3af"/>`);
    out.push(text(x, plot.bottom + 20, label(tick), 'font-size="12" text-anchor="middle" fill="#4b5563"'));
  }
  out.push(`<line x1="${plot.left}" x2="${plot.right}" y1="${plot.bottom}" y2="${plot.bottom}" stroke="#9ca3af"/>`);
  out.push(text((plot.left + plot.right) / 2, height - 16, options.xLabel, 'font-size="13" text-anchor="middle" fill="#374151"'));
  const middle = (plot.top + plot.bottom) / 2;
  const yLabel = logarithmic ? `${options.yLabel} (logarithmic)` : options.yLabel;
  out.push(text(20, middle, yLabel, `font-size="13" text-anchor="middle" fill="#374151" transform="rotate(-90 20 ${middle})"`));

  if (options.mark !== undefined) {
    const x = round(px(options.mark.x));
    const anchor = x > (plot.left + plot.right) / 2 ? "end" : "start";
    out.push(`<line x1="${x}" x2="${x}" y1="${plot.top}" y2="${plot.bottom}" stroke="#6b7280" stroke-dasharray="4 4"/>`);
    const place = `font-size="12" text-anchor="${anchor}" fill="#6b7280"`;
    out.push(text(x + (anchor === "end" ? -6 : 6), plot.top + 12, options.mark.caption, place));
  }
  for (const s of series) {
    const faint = s.style === "faint";
    const points = s.points.map(([x, y]) => `${round(px(x))},${round(py(y))}`);
    const stroke = faint ? 'stroke-width="1" stroke-opacity="0.35"' : 'stroke-width="2.5"';
    out.push(
      `<polyline points="${points.join(" ")}" fill="none" stroke="${s.hue}" ${stroke} stroke-linejoin="round" stroke-linecap="round"/>`,
    );
    if (!faint && s.points.length <= 40) {
      for (const point of points) {
        const [x, y] = point.split(",");
        out.push(`<circle cx="${x}" cy="${y}" r="3.5" fill="#ffffff" stroke="${s.hue}" stroke-width="2"/>`);
      }
    }
  }
  out.push(...legend(series.filter((s) => s.style !== "faint")), "</svg>");
  return `${out.join("\n")}\n`;
}

function legend(series: readonly { name: string; hue: string }[]): string[] {
  // About 7 pixels a character at this size: enough to set entries side by side from the right.
  const entries: string[] = [];
  let x = plot.right;
  for (const s of [...series].reverse()) {
    x -= s.name.length * 7.2;
    entries.push(text(x, 58, s.name, 'font-size="13" fill="#374151"'));
    entries.push(
      `<line x1="${round(x - 30)}" x2="${round(x - 8)}" y1="54" y2="54" stroke="${s.hue}" stroke-width="3" stroke-linecap="round"/>`,
    );
    x -= 50;
  }
  return entries;
}

function least(values: readonly number[], fallback: number): number {
  return values.length === 0 ? fallback : values.reduce((a, b) => Math.min(a, b));
}

function most(values: readonly number[], fallback: number): number {
  return values.length === 0 ? fallback : values.reduce((a, b) => Math.max(a, b));
}

/** Round numbers (1, 2 or 5 times a power of ten apart) that enclose the range. */
function linearTicks(low: number, high: number, most: number): number[] {
  const range = high - low || Math.abs(high) || 1;
  const power = 10 ** Math.floor(Math.log10(range / most));
  const step = power * ([1, 2, 5, 10].find((m) => range / (power * m) <= most) ?? 10);
  const first = Math.floor(low / step + 1e-9);
  const last = Math.max(first + 1, Math.ceil(high / step - 1e-9));
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** At most 10 ticks, and none between whole numbers where there are at least three of those. */
function wholeTicks(range: number): number {
  return range >= 3 ? Math.min(10, Math.floor(range)) : 10;
}

/** Powers of ten that enclose the range, with 2 and 5 between them where there are few. */
function logTicks(low: number, high: number): number[] {
  const first = Math.floor(Math.log10(low));
  const last = Math.ceil(Math.log10(high));
  const every = Math.ceil((last - first) / 8);
  const between = last - first <= 3 ? [1, 2, 5] : [1];
  const ticks: number[] = [];
  for (let e = first; e < last; e += every) for (const m of between) ticks.push(Number((m * 10 ** e).toPrecision(12)));
  ticks.push(Number((10 ** last).toPrecision(12)));
  const from = ticks.findLastIndex((t) => t <= low);
  const to = ticks.findIndex((t) => t >= high);
  return ticks.slice(Math.max(0, from), to < 0 ? undefined : to + 1);
}

function label(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e6)) return value.toExponential().replace("e+", "e");
  return String(Number(value.toPrecision(6)));
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

function escape(content: string): string {
  return content.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
}

function text(x: number, y: number, content: string, attributes: string): string {
  return `<text x="${round(x)}" y="${round(y)}" ${attributes}>${escape(content)}</text>`;
}
