// The two 16-bit floats as bit patterns: IEEE half precision (5 bits of exponent, 10 of fraction) and bfloat16 (the upper half of a
// float32). Numbers are rounded to the nearest, halves to even; what is too large becomes infinite, and a NaN stays one, quiet.

const word = new Float32Array(1);
const bits = new Int32Array(word.buffer);

/** The pattern of the nearest half; the number is a float32. */
export function halfOf(value: number): number {
  word[0] = value;
  const all = bits[0] as number;
  const magnitude = all & 0x7fffffff;
  const sign = (all >>> 16) & 0x8000;
  if (magnitude > 0x7f800000) return sign | 0x7e00 | ((magnitude >> 13) & 0x3ff);
  if (magnitude >= 0x47800000) return sign | 0x7c00;
  // Below 2⁻¹⁴ the last place of a half is 2⁻²⁴, as that of a float32 between ½ and 1 is.
  if (magnitude < 0x38800000) {
    word[0] = Math.abs(word[0] as number) + 0.5;
    return sign | ((bits[0] as number) - 0x3f000000);
  }
  return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >> 13) & 1)) >> 13);
}

/** The number that a pattern of half precision stands for. */
export function numberOfHalf(pattern: number): number {
  const sign = pattern & 0x8000 ? -1 : 1;
  const exponent = (pattern >> 10) & 31;
  const fraction = pattern & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

/** The pattern of the nearest bfloat16; the number is a float32. */
export function bfloatOf(value: number): number {
  word[0] = value;
  const all = bits[0] as number;
  if ((all & 0x7fffffff) > 0x7f800000) return ((all >>> 16) & 0xffff) | 0x40;
  return ((all + 0x7fff + ((all >>> 16) & 1)) >>> 16) & 0xffff;
}

/** The number that a pattern of bfloat16 stands for. */
export function numberOfBfloat(pattern: number): number {
  bits[0] = pattern << 16;
  return word[0] as number;
}
