// Special functions that JavaScript's Math lacks, in double precision.

/** xʸ as IEEE 754, C and torch have it: 1 to any power is 1, and −1 to an infinite one too, where JavaScript's `**` says NaN. */
export function power(x: number, y: number): number {
  return x === 1 || (x === -1 && Math.abs(y) === Number.POSITIVE_INFINITY) ? 1 : x ** y;
}

/**
 * The error function, erf(x) = 2/√π ∫₀ˣ exp(−t²) dt, within 2 units in the last place.
 *
 * Below 2.5 the series 2/√π · exp(−x²) · Σ 2ⁿ x²ⁿ⁺¹ / (2n+1)!!, whose terms are all positive; above, one minus the
 * continued fraction of erfc, whose relative error does not matter beside 1.
 * Source: Abramowitz and Stegun, 7.1.6 and 7.1.14.
 */
export function erf(x: number): number {
  const a = Math.abs(x);
  if (Number.isNaN(x) || a < 1e-300) return x * (2 / Math.sqrt(Math.PI));
  if (a > 6) return Math.sign(x);
  if (a < 2.5) {
    let term = a;
    let sum = a;
    for (let n = 1; term > sum * 1e-17; n++) {
      term *= (2 * a * a) / (2 * n + 1);
      sum += term;
    }
    return Math.sign(x) * (2 / Math.sqrt(Math.PI)) * Math.exp(-a * a) * sum;
  }
  let fraction = 0;
  for (let n = 80; n >= 1; n--) fraction = n / 2 / (a + fraction);
  return Math.sign(x) * (1 - Math.exp(-a * a) / Math.sqrt(Math.PI) / (a + fraction));
}

/**
 * The complementary error function, erfc(x) = 1 − erf(x), with a small relative error also where erf(x) is near 1: there it is
 * the continued fraction.
 * Source: Abramowitz and Stegun, 7.1.14.
 */
export function erfc(x: number): number {
  if (!(x > 0.5)) return 1 - erf(x);
  if (x > 27) return 0;
  if (x < 2) return 1 - erf(x);
  let fraction = 0;
  for (let n = 150; n >= 1; n--) fraction = n / 2 / (x + fraction);
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + fraction);
}

/**
 * The inverse of the error function: ±∞ at ±1, NaN beyond. Winitzki's formula is right to three digits; three steps of Halley's
 * method make it as good as erf and erfc are.
 * Source: Winitzki, A handy approximation for the error function and its inverse (2008).
 */
export function erfinv(x: number): number {
  const a = Math.abs(x);
  if (!(a < 1) || a < 1e-300) return a === 1 ? x * Number.POSITIVE_INFINITY : a < 1 ? x * (Math.sqrt(Math.PI) / 2) : Number.NaN;
  const logarithm = Math.log((1 - a) * (1 + a));
  const half = 2 / (Math.PI * 0.147) + logarithm / 2;
  let y = Math.sqrt(Math.max(0, Math.sqrt(half * half - logarithm / 0.147) - half));
  for (let i = 0; i < 3; i++) {
    const error = a < 0.5 ? erf(y) - a : 1 - a - erfc(y);
    const step = (error * Math.exp(y * y) * Math.sqrt(Math.PI)) / 2;
    y -= step / (1 + y * step);
  }
  return Math.sign(x) * y;
}

/** Rounds to the nearest integer, halves to the even one. */
export function roundHalfEven(x: number): number {
  const a = Math.abs(x);
  const floor = Math.floor(a);
  const rest = a - floor;
  const up = rest > 0.5 || (rest === 0.5 && floor % 2 === 1);
  const rounded = up ? floor + 1 : floor;
  return x < 0 || Object.is(x, -0) ? -rounded : rounded;
}
