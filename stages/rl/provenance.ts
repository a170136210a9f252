/** Checks on where the inputs of a stage come from, before anything runs; what is unknown is never an error. */
import type { InputTraits, Lineage, Problem, Traits } from '../../runner/contract.js';
import { traitsOf } from './options.js';

/** Traits of a gathered input; empty where it is unbound. */
export function listTraits(inputs: InputTraits, name: string): readonly Traits[] {
  const traits = inputs[name];
  return Array.isArray(traits) ? (traits as readonly Traits[]) : [];
}

/** Two artifacts as references to them, with the coordinates on which they differ. */
export function tellApart(a: Lineage, b: Lineage): readonly [string, string] {
  const axes = [...new Set([...Object.keys(a.coordinates), ...Object.keys(b.coordinates)])].sort();
  const differing = axes.filter((axis) => a.coordinates[axis] !== b.coordinates[axis]);
  const name = ({ stage, coordinates, output }: Lineage): string => {
    const picks = differing.flatMap((axis) =>
      coordinates[axis] === undefined ? [] : [`${axis}=${coordinates[axis]}`],
    );
    return `$${stage}${picks.length === 0 ? '' : `(${picks.join(' ')})`}.${output}`;
  };
  return [name(a), name(b)];
}

/** Policies of different references, where only policies of one can be mixed. */
export function referenceProblems(port: string, policies: readonly Traits[], whose: string): Problem[] {
  const known = policies.filter(({ reference }) => reference?.digest !== undefined);
  const [first] = known;
  const other = known.find(({ reference }) => reference?.digest !== first?.reference?.digest);
  if (!first?.reference || !other?.reference) return [];
  const [a, b] = tellApart(first.reference, other.reference);
  const message = `${whose} start from one reference: ${trainedFrom(first, a, other)}, ${trainedFrom(other, b, first)}`;
  return [{ code: 'reference-lineage', path: [port], message, hint: referenceHint(first, other) }];
}

function trainedFrom(policy: Traits, reference: string, beside: Traits): string {
  const name = policy.lineage && beside.lineage && tellApart(policy.lineage, beside.lineage)[0];
  return `${name === undefined ? 'one policy' : `\`${name}\``} was trained from \`${reference}\``;
}

function referenceHint({ reference: a }: Traits, { reference: b }: Traits): string {
  const axes = Object.keys(a?.coordinates ?? {}).filter(
    (axis) => a?.coordinates[axis] !== b?.coordinates[axis],
  );
  if (a?.stage !== b?.stage || axes.length === 0) return 'train them all from one of these';
  const free = axes.map((axis) => `\`${axis}\``).join(' and ');
  return `neither pick nor gather ${free}: left free, it joins policies of the same reference`;
}

/** What a policy has of the reference that it is trained from. */
export function handedOn(inputs: InputTraits): Pick<Traits, 'reference' | 'world'> {
  const reference = traitsOf(inputs, 'reference');
  return {
    ...(reference?.lineage ? { reference: reference.lineage } : {}),
    ...(reference?.world === undefined ? {} : { world: reference.world }),
  };
}

/** Prompts of a world that the reference has never seen: other words, or other hidden facts. */
export function worldProblems(reference: Traits | undefined, prompts: Traits | undefined): Problem[] {
  if (!reference?.world || !prompts?.world || reference.world === prompts.world) return [];
  return [
    {
      code: 'other-world',
      path: ['prompts'],
      message: `the reference was trained on ${reference.world}, and these prompts come from ${prompts.world}`,
      hint: 'take the prompts of the data that the reference was trained on: its words and hidden facts are others',
    },
  ];
}

/**
 * A conditioning that puts tokens before the prompt, on a reference that was trained without any there. Of a model from
 * elsewhere nothing is said.
 */
export function unseenTokenProblems(conditioning: string, reference: Traits | undefined): Problem[] {
  if (conditioning !== 'prompt' && conditioning !== 'soft-tokens') return [];
  if (reference?.conditioningNoise !== 0) return [];
  const stage = reference.lineage?.stage;
  const whose = stage === undefined ? 'the reference' : `the reference \`${stage}\``;
  return [
    {
      code: 'unseen-tokens',
      path: ['conditioning'],
      message: `\`${conditioning}\` puts tokens before each prompt, and ${whose} was trained without any there: it may lose its answers at the first one, and the policy then learns nothing`,
      hint: `train ${stage === undefined ? 'it' : `\`${stage}\``} with \`conditioning_noise: 0.3\`, so that it reads such tokens and ignores them`,
      mayBeMeant: true,
    },
  ];
}

/** KL weights that a policy was not trained for. */
export function alphaDomainProblems(
  alphas: readonly number[],
  domain: Traits['domain'],
  path: (i: number) => readonly (string | number)[],
): Problem[] {
  if (!domain) return [];
  const [least, greatest] = typeof domain.alpha === 'number' ? [domain.alpha, domain.alpha] : domain.alpha;
  const trained = least === greatest ? `alpha ${least}` : `alpha from ${least} to ${greatest}`;
  return alphas.flatMap((alpha, i) =>
    alpha >= least && alpha <= greatest
      ? []
      : [
          {
            code: 'outside-domain',
            path: path(i),
            message: `alpha ${alpha} is not what the policy was trained for: ${trained}`,
            hint: 'write `alpha: trained`, or train the policy on a range of alpha that holds it',
          },
        ],
  );
}

/** Weights that a policy which answers a list of them was not trained for. */
export function weightsDomainProblems(
  listed: readonly (readonly number[])[],
  domain: Traits['domain'],
): Problem[] {
  const answered = domain?.weights;
  if (!answered) return [];
  return listed.flatMap((weights, i) =>
    answered.some((point) => point.every((w, k) => Math.abs(w - (weights[k] ?? 0)) < 1e-6))
      ? []
      : [
          {
            code: 'outside-domain',
            path: ['grid', 'weights', i],
            message: `weights [${weights.join(', ')}] are not what the policy was trained for: ${answered
              .map((point) => `[${point.join(', ')}]`)
              .join(' or ')}`,
            hint: 'a policy for every weighting is a `clp` or a `rewarded-soup`',
          },
        ],
  );
}
