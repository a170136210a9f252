/** The exact world behind a dataset, by the name in its manifest. */
import { StageFailure } from '../../runner/contract.js';
import type { Dataset } from './dataset.js';
import type { ListedWorld } from './listed-world.js';

export * from './listed-world.js';

type WorldModule = { readonly openWorld: (parameters: Record<string, unknown>) => ListedWorld };

const worlds: Readonly<Record<string, () => Promise<WorldModule>>> = {
  news: () => import('../worlds/news/world.js'),
};

/** The world that a dataset comes from; undefined where it comes from none. */
export async function worldOf(dataset: Pick<Dataset, 'manifest'>): Promise<ListedWorld | undefined> {
  const world = dataset.manifest.world;
  if (!world) return undefined;
  const load = Object.hasOwn(worlds, world.name) ? worlds[world.name] : undefined;
  if (!load)
    throw new StageFailure(
      'user',
      'unknown-world',
      `the dataset comes from the world ${JSON.stringify(world.name)}, which this version doesn't know; ` +
        `it knows ${Object.keys(worlds).join(', ')}`,
    );
  return (await load()).openWorld(world.parameters);
}
