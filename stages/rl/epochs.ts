import { Random } from '../random.js';

export interface Draw {
  readonly seed: number;
  /** Names the random stream. */
  readonly purpose: string;
  /** Items met before, and wanted now. */
  readonly start: number;
  readonly count: number;
}

/**
 * The next items of endless epochs, each a new shuffle. Depends on the seed and the position alone, so that every
 * method of a seed meets the same items in the same order, and a resumed run goes on where it stopped.
 */
export function drawInEpochs<T>(items: readonly T[], { seed, purpose, start, count }: Draw): readonly T[] {
  return Array.from({ length: count }, (_, i) => {
    const position = start + i;
    const order = epochOrder(items.length, seed, `${purpose}/${Math.floor(position / items.length)}`);
    return items[order[position % items.length] ?? 0] as T;
  });
}

/** The last shuffle: consecutive draws ask for the same. */
let remembered: { readonly name: string; readonly order: readonly number[] } | undefined;

function epochOrder(length: number, seed: number, purpose: string): readonly number[] {
  const name = `${length}/${seed}/${purpose}`;
  if (remembered?.name !== name)
    remembered = { name, order: new Random(seed, purpose).shuffle([...Array(length).keys()]) };
  return remembered.order;
}
