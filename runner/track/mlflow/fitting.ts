/**
 * Makes names and values fit a server without losing them: what is rewritten or cut is kept whole in `originals`, which
 * goes beside the run as an artifact, and a rewritten name also as a tag.
 */
import { sha256 } from '../../../schemas/json.js';
import type { Batch, Metric, Pairs } from './types.js';
import { isName, limits, wellFormed } from './values.js';

export interface Originals {
  /** Rewritten name to the one that was given. */
  readonly names: Pairs;
  /** Name, as sent, to the whole value. */
  readonly params: Pairs;
  readonly tags: Pairs;
}

export interface Fitted {
  readonly batch: Required<Batch>;
  readonly originals: Originals;
}

/** Tags that say what a rewritten name was: `moft.name.<8 hex>`. */
export const nameTag = 'moft.name.';

const mark = (text: string): string => sha256(text).slice(0, 8);

/**
 * A name that the server takes: itself, or what it shows of itself and 8 digits of its hash, so that two names that
 * look the same stay two.
 */
export function fittingName(name: string): string {
  if (isName(name)) return name;
  const shown = wellFormed(name)
    .normalize('NFC')
    .replace(/[^/\p{L}\p{N}_.\- ]/gu, '_')
    .split('/')
    .map((part) => part.replace(/^\.+/, '_'))
    .filter((part) => part !== '')
    .join('/');
  return `${Array.from(shown).slice(0, 100).join('').trim() || '_'}-${mark(name)}`;
}

/** A value of at most `most` characters, which says so where it is cut. */
export function fittingValue(value: string, most: number): string {
  const text = wellFormed(value);
  if (text.length <= most) return text;
  const note = `... (${text.length} characters, sha256 ${sha256(text).slice(0, 16)}; whole in moft/originals.json)`;
  return `${wellFormed(text.slice(0, most - note.length))}${note}`;
}

/** A batch that the server takes as it is, and what of it was changed for that. */
export function fitting(batch: Batch): Fitted {
  const names: Record<string, string> = {};
  const renamed = (name: string): string => {
    const fit = fittingName(name);
    if (fit !== name) names[fit] = name;
    return fit;
  };
  const metrics = (batch.metrics ?? []).map((metric): Metric => ({ ...metric, key: renamed(metric.key) }));
  const params = fittingPairs(batch.params ?? {}, limits.param, renamed);
  const tags = fittingPairs(batch.tags ?? {}, limits.tag, renamed);
  const said = Object.entries(names).map(([, name]) => [
    `${nameTag}${mark(name)}`,
    fittingValue(name, limits.tag),
  ]);
  return {
    batch: { metrics, params: params.sent, tags: { ...tags.sent, ...(Object.fromEntries(said) as Pairs) } },
    originals: { names, params: params.originals, tags: tags.originals },
  };
}

function fittingPairs(
  pairs: Pairs,
  most: number,
  renamed: (name: string) => string,
): { readonly sent: Pairs; readonly originals: Pairs } {
  const sent: Record<string, string> = {};
  const originals: Record<string, string> = {};
  for (const [name, value] of Object.entries(pairs)) {
    const fit = renamed(name);
    sent[fit] = fittingValue(value, most);
    if (sent[fit] !== value) originals[fit] = value;
  }
  return { sent, originals };
}

/** Whether nothing was changed. */
export const isWhole = ({ names, params, tags }: Originals): boolean =>
  [names, params, tags].every((pairs) => Object.keys(pairs).length === 0);
