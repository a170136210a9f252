/**
 * Which module answers which reward: light, so that declarations of kinds can name the modules that count for a
 * cell. A new reward is one file, one line here and one in index.ts.
 */

/** Rewards of the text alone, found in stages/rewards. */
export const builtInRewards: readonly string[] = ['rouge-l', 'faithfulness', 'brevity'];

/** Columns of which a built-in reward needs one beside the prompt. */
export const rewardColumns: Readonly<Record<string, readonly string[]>> = {
  'rouge-l': ['response', 'references'],
};

/** Rewards that a world's rows answer from their facts, by the name of the world. */
export const worldRewards: Readonly<Record<string, readonly string[]>> = { news: ['nli', 'rouge', 'tldr'] };

/** Modules of the worlds, as paths from the root without ending. */
export const worldModules: readonly string[] = Object.keys(worldRewards).map(worldModule);

/** Tables that rewards are found in: named themselves, so that one of which no entry is named counts for nothing more. */
const tables: readonly string[] = ['stages/data/world', 'stages/rewards/index'];

/**
 * Modules that answer the named rewards and their tables (paths from the root without ending, sorted): what `modules()` of
 * a kind returns. Names that nothing answers are left to the check against the data.
 */
export function rewardModules(names: readonly string[]): readonly string[] {
  const modules = names.flatMap((name) => [
    ...(builtInRewards.includes(name) ? [`stages/rewards/${name}`] : []),
    ...Object.keys(worldRewards)
      .filter((world) => worldRewards[world]?.includes(name))
      .map(worldModule),
  ]);
  return [...new Set([...tables, ...modules])].sort();
}

function worldModule(world: string): string {
  return `stages/worlds/${world}/world`;
}
