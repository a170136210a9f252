import { defineKind, type OutputPort, type Problem } from '../../runner/contract.js';
import { distinctFacts, newsSizes } from '../worlds/news/lexicon.js';
import { Type, type Static } from '../../schemas/type.js';

export const DataNewsWith = Type.Object({
  documents: Type.Integer({
    description: 'Items to train on, each with one summary drawn as SFT data are written.',
    default: 4096,
    minimum: 1,
    maximum: 200_000,
  }),
  test: Type.Integer({
    description: 'Items of the test split; none shares its facts with an item of another split.',
    default: 256,
    minimum: 1,
    maximum: 20_000,
  }),
  validation: Type.Integer({
    description: 'Items of the validation split, on which losses are measured and settings chosen.',
    default: 256,
    minimum: 1,
    maximum: 20_000,
  }),
  dial: Type.Union(
    [
      Type.Literal('aligned'),
      Type.Literal('opposed'),
      Type.Number({ minimum: 0, maximum: 1, description: 'kappa itself' }),
    ],
    {
      description:
        'The alignment dial kappa, what a hedged clause earns: `aligned` (.2, hedging never pays), `opposed` (.75, ' +
        'the best compromise between nli and another reward hedges, which mixtures of experts miss), or a number.',
      default: 'opposed',
    },
  ),
  size: Type.Enum(newsSizes, {
    description:
      'Size of the grammar: `full` has about 150 words and a million different facts, with sentences in any order ' +
      'among those of other years; `small` has half the words, 6,912 facts and items of 28 words in a fixed order.',
    default: 'full',
  }),
  seed: Type.Integer({
    description:
      'Draws the items, their summaries and the hidden laws (which town lies in which region, which cause and ' +
      'aftermath follow): another seed is another world. It is no training seed: one data set serves all replicates.',
    default: 0,
    minimum: 0,
  }),
});
type Values = Static<typeof DataNewsWith>;

/** Drawing without repeats stays quick, and test items stay unseen, while facts are twice as many as items. */
function checkCounts({ documents, test, validation, size }: Values): Problem[] {
  const items = documents + test + validation;
  const most = distinctFacts(size) / 2;
  if (items <= most) return [];
  return [
    {
      code: 'news-too-many',
      path: ['documents'],
      message: `${items} items are wanted, at most ${most} of size ${size} can differ in their facts`,
      hint: size === 'small' ? 'ask for fewer documents, or take `size: full`' : 'ask for fewer documents',
    },
  ];
}

const split = ({ size, seed }: Values): OutputPort => ({
  type: 'dataset',
  traits: {
    columns: ['id', 'prompt', 'response', 'references', 'facts'],
    rewards: ['nli', 'rouge', 'tldr'],
    world: `news of size ${size}, seed ${seed}`,
  },
});

export default defineKind({
  name: 'data/news',
  version: 1,
  description:
    'Draws news items with summaries from an embedded world whose optimum is exact. A summary has an opener and one ' +
    'or two clauses; the world rewards it for what the item supports (`nli`), for the hidden facts that follow from ' +
    'it (`rouge`), and for being a headline (`tldr`). All texts that earn anything can be listed, so V* and the ' +
    'regret of any policy are computed, not estimated. A test bed, not a claim about news.',
  with: DataNewsWith,
  inputs: {},
  outputs: (values) => ({ train: split(values), validation: split(values), test: split(values) }),
  check: checkCounts,
  pace: { proportional: ['documents'], timeless: ['dial', 'seed'] },
  randomness: 'none',
  engine: false,
  run: async (job, emit, signal) => (await import('./data-news.run.js')).run(job, emit, signal),
});
