/** The exact world behind a dataset, by the name in its manifest. */
import { StageFailure } from '../../runner/contract.js';
import { byName } from '../by-name.js';
import type { Dataset } from './dataset.js';
import type { ListedWorld } from './listed-world.js';

export * from './listed-world.js';

type WorldModule = { readonly openWorld: (parameters: Record<string, unknown>) => ListedWorld };

const worlds: Readonly<Record<string, () => Promise<WorldModule>>> = {
  news: () => import('../worlds/news/world.js'),
};

/** Neither where a dataset comes from no world. */
export interface WorldFound {
  readonly world?: ListedWorld;
  /** Why the world of a dataset can't list all that earns anything. */
  readonly unlisted?: string;
}

/** Whose responses are listed. */
export interface Asked {
  readonly objectives: readonly string[];
  /** Whether a text is of one sequence of its tokens, as of each text one is listed. */
  readonly tokenizer: { readonly oneSpelling: boolean };
}

/** The world that lists what earns anything on `objectives`: all of them are rewards of its own. */
export async function listingOf(
  dataset: Pick<Dataset, 'manifest'>,
  { objectives, tokenizer }: Asked,
): Promise<WorldFound> {
  const { world, rewards } = dataset.manifest;
  if (!world) return {};
  // Not loaded to find out: only the code of a world whose rewards are asked for counts for the cell.
  const other = objectives.find((name) => !rewards.includes(name));
  if (other !== undefined)
    return { unlisted: `${JSON.stringify(other)} is no reward of the exact world, and any text may earn it` };
  if (!tokenizer.oneSpelling)
    return {
      unlisted:
        'the tokenizer says one text in several ways (other pieces of words, other spaces), which all earn the same, ' +
        'and the exact world lists one way of each',
    };
  const found = await worldOf(dataset);
  return found ? { world: found } : {};
}

/** The world that a dataset comes from; undefined where it comes from none. */
export async function worldOf(dataset: Pick<Dataset, 'manifest'>): Promise<ListedWorld | undefined> {
  const world = dataset.manifest.world;
  if (!world) return undefined;
  const unknown = (known: readonly string[]): StageFailure =>
    new StageFailure(
      'user',
      'unknown-world',
      `the dataset comes from the world ${JSON.stringify(world.name)}, which this version doesn't know; ` +
        `it knows ${known.join(', ')}`,
    );
  return (await byName(worlds, world.name, unknown)).openWorld(world.parameters);
}
