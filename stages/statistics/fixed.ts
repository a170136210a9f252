/** A number with so many digits, where what rounds to zero has no sign: `0.00`, never `-0.00`. */
export function fixed(value: number, digits: number): string {
  const text = value.toFixed(digits);
  return Number(text) === 0 ? text.replace('-', '') : text;
}
