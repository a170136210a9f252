/** Names and colours by which a person tells runs apart in a list that shows twenty characters. */
import type { Pairs } from '../mlflow/types.js';

/** Characters that a list of runs shows. */
const shownLength = 20;

/** `stage/axis=value,axis=value`, taken apart. */
export function partsOf(id: string): { readonly stage: string; readonly coordinates: Pairs } {
  const [stage = '', rest = ''] = id.split('/', 2);
  const pairs = rest
    .split(',')
    .filter((part) => part !== '')
    .map((part): [string, string] => [part.slice(0, part.indexOf('=')), part.slice(part.indexOf('=') + 1)]);
  return { stage, coordinates: Object.fromEntries(pairs) };
}

/** What tells the curves of a stage apart: its coordinates without the seed, of which each is a replicate. */
export function seriesOf(id: string): string {
  const { stage, coordinates } = partsOf(id);
  return words(coordinates) || stage;
}

/** `front/conditioning=full,method=clp,seed=1` as `front full clp s1`. */
export function shortName(id: string): string {
  const { stage, coordinates } = partsOf(id);
  return cut([stage, words(coordinates)].filter((part) => part !== '').join(' '), seedMark(coordinates));
}

/** The point `.3/.7` of that front as `.3/.7 full clp s1`. */
export const pointName = (id: string, point: string): string =>
  cut(`${point} ${seriesOf(id)}`, seedMark(partsOf(id).coordinates));

const words = (axes: Pairs): string =>
  Object.entries(axes)
    .flatMap(([axis, value]) => (axis === 'seed' ? [] : [value]))
    .join(' ');
const seedMark = ({ seed }: Pairs): string => (seed === undefined ? '' : ` s${seed}`);

/** The end stays: it tells replicates apart. */
function cut(head: string, tail: string): string {
  const room = shownLength - tail.length;
  return (head.length <= room ? head : `${head.slice(0, room - 1).trimEnd()}…`) + tail;
}

/** Told apart also by the colour-blind in the first five. */
const colours = ['#2166ac', '#d95f02', '#1b8a5b', '#b1327a', '#6f5fb8', '#8c6d1f', '#0f8a97', '#9f3a2b'];

/** One a series of a stage, in the order in which the journal names them: replicates and points look alike. */
export class Colours {
  /** Places of the series of each stage. */
  readonly #stages = new Map<string, Map<string, number>>();

  constructor(ids: Iterable<string>) {
    for (const id of ids) {
      const { stage } = partsOf(id);
      const series = this.#stages.get(stage) ?? new Map<string, number>();
      this.#stages.set(stage, series);
      if (!series.has(seriesOf(id))) series.set(seriesOf(id), series.size);
    }
  }

  of(id: string): string {
    const place = this.#stages.get(partsOf(id).stage)?.get(seriesOf(id)) ?? 0;
    return colours[place % colours.length] ?? '';
  }
}
