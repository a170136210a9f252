/** A small registry for the language's tests: the shapes of real kinds, and nothing that runs. */
import { Type } from 'typebox';
import {
  defineKind,
  type InputTraits,
  type KindRegistry,
  type Problem,
  type StageKind,
} from '../../runner/contract.js';

const run = (): Promise<void> => Promise.reject(new Error('the kinds of these tests do not run'));
const nothing = { version: 1, engine: false, run } as const;

const steps = Type.Integer({ minimum: 1, default: 100, description: 'Number of optimiser steps.' });
const alpha = Type.Number({
  exclusiveMinimum: 0,
  exclusiveMaximum: 1,
  description: 'Weight of the KL term.',
});

const news = defineKind({
  ...nothing,
  name: 'data/news',
  description: 'A world with three rewards.',
  with: Type.Object({
    documents: Type.Integer({ minimum: 1, default: 4096, description: 'Documents.' }),
    gate: Type.Boolean({ default: true, description: 'Whether nothing unsaid may be said.' }),
  }),
  inputs: {},
  outputs: () => {
    const traits = { columns: ['prompt', 'response'], rewards: ['nli', 'rouge', 'tldr'] };
    return { train: { type: 'dataset', traits }, test: { type: 'dataset', traits } };
  },
  randomness: 'none',
});

const jsonl = defineKind({
  ...nothing,
  name: 'data/jsonl',
  description: 'A folder of JSON lines.',
  with: Type.Object({
    template: Type.String({ default: '', description: 'How a row becomes a prompt.', raw: true }),
  }),
  inputs: { path: { type: 'directory', path: true, description: 'Folder with the rows.' } },
  outputs: () => ({ train: { type: 'dataset' }, test: { type: 'dataset' } }),
  randomness: 'none',
});

const sft = defineKind({
  ...nothing,
  name: 'sft',
  description: 'Supervised finetuning.',
  with: Type.Object({
    model: Type.Object(
      {
        width: Type.Integer({ minimum: 1, default: 64, description: 'Width.' }),
        layers: Type.Integer({ minimum: 1, default: 2, description: 'Layers.' }),
        heads: Type.Integer({ minimum: 1, default: 4, description: 'Heads.' }),
      },
      { default: {}, description: 'The model.' },
    ),
    steps,
    optimiser: Type.Enum(['adamw', 'sgd'], { default: 'adamw', description: 'Optimiser.' }),
  }),
  inputs: { data: { type: 'dataset', description: 'What to learn from.' } },
  outputs: () => ({ model: { type: 'model' } }),
  resources: () => ({ cpu: 2 }),
  randomness: 'training',
});

const Rewards = Type.Union(
  [
    Type.String({ minLength: 1 }),
    Type.Array(Type.String(), { minItems: 1 }),
    Type.Record(Type.String(), Type.Number()),
  ],
  { description: 'A name, a list, or a map of weights.' },
);

const names = (rewards: unknown): string[] => {
  if (typeof rewards === 'string') return [rewards];
  return Array.isArray(rewards) ? (rewards as string[]) : Object.keys(rewards as object);
};

/** Rewards that the data cannot answer. */
function unknownRewards(rewards: unknown, inputs: InputTraits): Problem[] {
  const prompts = inputs.prompts;
  const known = prompts !== undefined && 'rewards' in prompts ? prompts.rewards : undefined;
  if (known === undefined) return [];
  return names(rewards).flatMap((name, index) =>
    known.includes(name)
      ? []
      : [
          {
            code: 'unknown-reward',
            path: Array.isArray(rewards) ? ['rewards', index] : ['rewards'],
            message: `the data can't answer the reward \`${name}\``,
            hint: `it answers ${known.join(', ')}`,
          },
        ],
  );
}

const training = {
  reference: { type: 'model', description: 'The reference model.' },
  prompts: { type: 'dataset', description: 'Prompts.' },
} as const;

const soft = defineKind({
  ...nothing,
  name: 'soft',
  description: 'One expert.',
  with: Type.Object({ rewards: Rewards, alpha, steps }),
  inputs: training,
  outputs: ({ rewards }) => ({ policy: { type: 'policy', traits: { objectives: names(rewards) } } }),
  check: ({ rewards }, inputs) => unknownRewards(rewards, inputs),
  randomness: 'training',
});

const clp = defineKind({
  ...nothing,
  name: 'clp',
  description: 'A conditional policy.',
  with: Type.Object({
    rewards: Type.Array(Type.String(), { minItems: 2, description: 'Rewards to trade off.' }),
    conditioning: Type.Union(
      [
        Type.Enum(['full', 'attention', 'logits', 'prompt']),
        Type.Object({
          lora: Type.Object({ rank: Type.Integer({ minimum: 1, default: 4, description: 'Rank.' }) }),
        }),
      ],
      { default: 'full', description: 'How a trade-off enters the parameters.' },
    ),
    sampling: Type.Object(
      {
        weights: Type.Union(
          [
            Type.Object({ dirichlet: Type.Number({ exclusiveMinimum: 0, description: 'Concentration.' }) }),
            Type.Object({ simplex: Type.Integer({ minimum: 2, description: 'Points on an edge.' }) }),
            Type.Literal('corners'),
          ],
          { default: { dirichlet: 1 }, description: 'Distribution of the weights.' },
        ),
        alpha: Type.Number({
          exclusiveMinimum: 0,
          exclusiveMaximum: 1,
          default: 0.05,
          description: 'Weight of the KL term.',
        }),
      },
      { default: {}, description: 'Distribution of the trade-offs.' },
    ),
    steps,
  }),
  inputs: training,
  outputs: ({ rewards }) => ({ policy: { type: 'policy', traits: { objectives: rewards } } }),
  check: ({ rewards }, inputs) => unknownRewards(rewards, inputs),
  randomness: 'training',
});

const soup = defineKind({
  ...nothing,
  name: 'rewarded-soup',
  description: 'Experts, mixed.',
  with: Type.Object({}),
  inputs: { experts: { type: 'policy', list: true, description: 'One expert a reward.' } },
  outputs: () => ({ policy: { type: 'policy' } }),
  check: (_, { experts }) =>
    Array.isArray(experts) && experts.length < 2
      ? [
          {
            code: 'too-few-experts',
            path: ['experts'],
            message: 'a soup needs at least two experts, found one',
          },
        ]
      : [],
  randomness: 'none',
});

const front = defineKind({
  ...nothing,
  name: 'front',
  description: 'What a policy reaches.',
  with: Type.Object({
    grid: Type.Object(
      {
        weights: Type.Object({
          simplex: Type.Integer({ minimum: 2, default: 11, description: 'Points on an edge.' }),
        }),
      },
      { default: { weights: { simplex: 11 } }, description: 'Grid of trade-offs.' },
    ),
    sampling_seed: Type.Integer({ minimum: 0, default: 0, description: 'Seed of the samples.' }),
  }),
  inputs: {
    policy: { type: 'policy', description: 'The policy.' },
    prompts: { type: 'dataset', description: 'Held-out prompts.' },
    reference: { type: 'model', optional: true, description: 'Another reference.' },
  },
  outputs: () => ({ front: { type: 'front' } }),
  randomness: 'evaluation',
});

const report = defineKind({
  ...nothing,
  name: 'report',
  description: 'A page.',
  with: Type.Object({ title: Type.String({ default: '', description: 'Heading.' }) }),
  inputs: { fronts: { type: 'front', list: true, description: 'Fronts to compare.' } },
  outputs: () => ({ report: { type: 'report' } }),
  randomness: 'none',
});

const kinds: readonly StageKind[] = [news, jsonl, sft, soft, clp, soup, front, report];
export const registry: KindRegistry = new Map(kinds.map((kind) => [kind.name, kind]));
