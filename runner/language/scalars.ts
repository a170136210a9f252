import type { Result } from '../../schemas/result.js';
import { err, ok } from '../../schemas/result.js';
import type { Finding } from './diagnostics.js';

const integer = /^[-+]?[0-9]+$/;
const octalOrHex = /^0(o[0-7]+|x[0-9a-fA-F]+)$/;
const decimal = /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/;
const leadingZero = /^[-+]?0[0-9]/;
const notFinite = /^([-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$/;
const loneSurrogate = /\p{Surrogate}/u;

type Value = string | number | boolean | null;

/** A plain scalar by the core schema of YAML 1.2, less what is refused. */
export function plainScalar(text: string): Result<Value, Finding> {
  if (text === '' || /^(~|null|Null|NULL)$/.test(text)) return ok(null);
  if (/^(true|True|TRUE)$/.test(text)) return ok(true);
  if (/^(false|False|FALSE)$/.test(text)) return ok(false);
  if (notFinite.test(text))
    return refuse(
      'not-finite',
      `\`${text}\` is not a finite number`,
      'write a number, or quote it if text is meant',
    );
  if (integer.test(text) || octalOrHex.test(text) || decimal.test(text)) return number(text);
  return checkedText(text);
}

/** Text from quotes or a block scalar. */
export function checkedText(text: string): Result<string, Finding> {
  if (!loneSurrogate.test(text)) return ok(text);
  return refuse('lone-surrogate', 'the text has half of a surrogate pair, which no UTF-8 file can hold');
}

function number(text: string): Result<number, Finding> {
  if (leadingZero.test(text)) {
    const without = text.replace(/^([-+]?)0+(?=[0-9])/, '$1');
    return err({
      code: 'leading-zero',
      message: `\`${text}\` has a leading zero: some readers take it for an octal number`,
      hint: `write \`${without}\`, or quote it if text is meant`,
      instead: without,
    });
  }
  const value = Number(text.startsWith('+') ? text.slice(1) : text);
  if (!Number.isFinite(value))
    return refuse('number-overflow', `\`${text}\` is beyond the greatest number, about 1.8e308`);
  const whole = integer.test(text) || octalOrHex.test(text);
  if (whole && !Number.isSafeInteger(value))
    return refuse(
      'integer-overflow',
      `\`${text}\` is an integer beyond 2^53, which can't be held exactly`,
      'quote it if text is meant',
    );
  return ok(value === 0 ? 0 : value);
}

const refuse = (code: string, message: string, hint?: string): Result<never, Finding> =>
  err({ code, message, hint });

const decimalComma = /^[-+]?([0-9]+,([0-9]{1,2}|[0-9]{4,})|0[0-9]*,[0-9]+)$/;

/** Whether text was meant as a number: `1_000`, `1,000`, `1 000`, and `0,05` with a decimal comma. */
export function looksLikeNumber(text: string): boolean {
  return (
    decimalComma.test(text) ||
    /^[-+]?[0-9]{1,3}([_, ][0-9]+)+(\.[0-9_]+)?$|^[-+]?[0-9][0-9_]*_[0-9_]*(\.[0-9]+)?$/.test(text)
  );
}

/** `1_000` or `0,05` as it is to be written. One comma separates thousands only before exactly three digits. */
export function withoutSeparators(text: string): string {
  return decimalComma.test(text) ? text.replace(',', '.') : text.replaceAll(/[_, ]/g, '');
}
