/** What a reviewer sees of a front: each trade-off as a run of its own and as a row, and the measures of the whole. */
import type { FinishedCell, Shown, ShownPoint, ShownTable } from '../../runner/contract.js';
import type { Front } from '../../schemas/artifact.js';
import { figuresOf } from '../report/measures.js';
import { optimumAt, pointsAt } from '../report/points.js';
import { numberText, weightsText } from '../report/page/numbers.js';
import type { SeedPoint } from '../report/types.js';
import { readOutput, round, weightParams } from './read.js';

/** Measures of the whole, apart from the figures of single trade-offs, which keep the names of training. */
const measures: Readonly<Record<string, string>> = {
  'regret-mean': 'front/regret_mean',
  'regret-max': 'front/regret_max',
  closed: 'front/closed',
  'value-middle': 'front/value_middle',
  'steering-order': 'front/steering_order',
  span: 'front/span',
  kl: 'front/kl',
  length: 'front/mean_length',
};

interface Answer extends SeedPoint {
  readonly alpha: number;
}

export function showFront(cell: FinishedCell): Shown {
  const front = readOutput(cell, 'front', 'front.json') as Front;
  const { objectives, method } = front;
  const alphas = [...new Set(front.points.map(({ alpha }) => alpha))];
  const answers = alphas.flatMap((alpha) => pointsAt(front, alpha).map((point) => ({ ...point, alpha })));
  return {
    params: {
      method,
      objectives: objectives.join(', '),
      ...(alphas.length === 1 ? { alpha: alphas[0] ?? 0 } : {}),
    },
    figures: wholeFigures(front, alphas),
    tables: [answersTable(objectives, answers), ...samplesTable(front)],
    points: answers.map((answer) => pointOf(objectives, answer, alphas.length > 1)),
    compared: [
      ...objectives.map(rewardName),
      answers.every(({ regret }) => regret !== null) ? 'eval/regret' : 'eval/value',
    ],
    about: 'policy',
    note: answersText(front, answers),
  };
}

const rewardName = (objective: string): string => `eval/rewards/${objective}/mean`;

/** Means over the alphas that were asked for; of a maximum the greatest. */
function wholeFigures(front: Front, alphas: readonly number[]): Readonly<Record<string, number>> {
  const each = alphas.map((alpha) =>
    figuresOf({ points: pointsAt(front, alpha), yardstick: optimumAt(front, alpha), scale: null }),
  );
  return Object.fromEntries(
    Object.entries(measures).flatMap(([id, name]): [string, number][] => {
      const values = each.flatMap((figures) => figures[id] ?? []);
      if (values.length === 0) return [];
      const whole = id.endsWith('-max')
        ? Math.max(...values)
        : values.reduce((a, b) => a + b) / values.length;
      return [[name, whole]];
    }),
  );
}

function pointOf(objectives: readonly string[], answer: Answer, showsAlpha: boolean): ShownPoint {
  const { alpha, weights } = answer;
  return {
    name: weightsText(weights).replaceAll(' ', '') + (showsAlpha ? ` a${alpha}` : ''),
    params: { alpha, ...weightParams(objectives, weights) },
    figures: known({
      ...Object.fromEntries(objectives.map((name, k) => [rewardName(name), answer.rewards[k] ?? null])),
      'eval/objective/kl': answer.kl,
      'eval/objective/entropy': answer.entropy,
      'eval/value': answer.value,
      'eval/regret': answer.regret,
      'eval/completions/mean_length': answer.length,
    }),
  };
}

/** Trade-offs that a note holds; all stand in the table. */
const mostRows = 30;

function answersText({ objectives, method }: Front, answers: readonly Answer[]): string {
  const head = ['alpha', ...objectives.map((name) => `w ${name}`), ...objectives, 'KL', 'regret'];
  const rows = answers.slice(0, mostRows).map(({ alpha, weights, rewards, kl, regret }) => {
    const cells = [numberText(alpha, 3), ...weights.map((weight) => numberText(weight, 2))];
    return [
      ...cells,
      ...rewards.map((reward) => numberText(reward, 3)),
      numberText(kl, 2),
      numberText(regret, 3),
    ];
  });
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    `**${method}** at ${answers.length} trade-offs: what was asked for, and what came of it.`,
    [line(head), line(head.map(() => '---:')), ...rows.map(line)].join('\n'),
  ].join('\n\n');
}

const known = (figures: Readonly<Record<string, number | null>>): Readonly<Record<string, number>> =>
  Object.fromEntries(Object.entries(figures).filter((pair): pair is [string, number] => pair[1] !== null));

function answersTable(objectives: readonly string[], answers: readonly Answer[]): ShownTable {
  return {
    name: 'front',
    columns: [
      'alpha',
      ...objectives.map((name) => `w.${name}`),
      ...objectives,
      ...objectives.map((name) => `stderr ${name}`),
      ...['kl', 'value', 'regret', 'entropy', 'length'],
    ],
    rows: answers.map(({ alpha, weights, rewards, stderr, kl, value, regret, entropy, length }) => [
      alpha,
      ...weights.map(round),
      ...rewards,
      ...objectives.map((_, k) => stderr?.[k] ?? null),
      ...[kl, value, regret, entropy, length],
    ]),
  };
}

function samplesTable({ objectives, samples }: Front): readonly ShownTable[] {
  if (samples.length === 0) return [];
  return [
    {
      name: 'samples',
      columns: ['prompt', 'alpha', ...objectives.map((name) => `w.${name}`), 'response', ...objectives],
      rows: samples.map(({ prompt, alpha, weights, response, rewards }) => [
        prompt,
        alpha,
        ...weights.map(round),
        response,
        ...rewards,
      ]),
    },
  ];
}
