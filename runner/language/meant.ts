import type { Finding } from './diagnostics.js';
import type { Node, ScalarNode } from './nodes.js';
import { looksLikeNumber, withoutSeparators } from './scalars.js';

type Meant = Pick<Finding, 'hint' | 'instead'>;

/** What to write where text was meant as a number: `1_000`, `0,05`, `"5"`, `5%`, `four`. */
export function numberMeant(node: Node, example = 4): Meant | undefined {
  if (node.kind !== 'scalar' || typeof node.value !== 'string') return undefined;
  if (node.plain !== undefined && looksLikeNumber(node.plain)) return separated(node.plain);
  const text = node.value.trim();
  const percent = /^([0-9]+(?:\.[0-9]+)?) ?%$/.exec(text)?.[1];
  if (percent !== undefined) {
    const share = String(Number((Number(percent) / 100).toPrecision(12)));
    return { hint: `write \`${share}\``, instead: share };
  }
  if (/^[a-z]+([ -][a-z]+)*$/i.test(text)) return { hint: `write a number, such as \`${example}\`` };
  if (!/^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/.test(text)) return undefined;
  const number = String(Number(text));
  return { hint: `write it without quotes: \`${number}\``, instead: number };
}

/** `1_000`: text for YAML, a number for its author. */
export function separated(text: string): Required<Meant> {
  const number = withoutSeparators(text);
  return { hint: `write \`${number}\`, or quote it if text is meant`, instead: number };
}

const booleans: Readonly<Record<string, boolean>> = {
  yes: true,
  no: false,
  on: true,
  off: false,
  true: true,
  false: false,
};

/** What to write where text or a number was meant as `true` or `false`. */
export function booleanMeant({ value }: ScalarNode): Meant | undefined {
  const text = String(value).toLowerCase();
  if (!Object.hasOwn(booleans, text)) return undefined;
  const meant = String(booleans[text]);
  return { hint: `write \`${meant}\``, instead: meant };
}
