/** Rewarded soups (Ramé et al., "Rewarded soups", NeurIPS 2023): experts' weights, averaged by the trade-off. */
import { StageFailure } from '../../runner/contract.js';
import type { Trained } from '../../schemas/artifact.js';
import { canonicalJson } from '../../schemas/json.js';
import type { StoredPolicy } from './stored-policy.js';

/**
 * The soup of experts, each of one objective, as a policy that keeps every parameter, or every factor of an adapter, once
 * an objective. Experts of different references, alphas or shapes don't mix: a StageFailure. The soup takes over their
 * tensors.
 */
export function soupOf(experts: readonly StoredPolicy[]): StoredPolicy {
  const [first] = experts;
  if (!first || experts.length < 2) throw refused('a soup needs two experts or more');
  for (const expert of experts) checkExpert(expert, first);
  const objectives = experts.flatMap(({ manifest }) => manifest.objectives);
  if (new Set(objectives).size < objectives.length)
    throw refused(`the experts of a soup have different objectives, found ${objectives.join(', ')}`);
  return {
    manifest: {
      v: 1,
      method: 'rewarded-soup',
      objectives,
      reference: first.manifest.reference,
      conditioning: 'full',
      alpha: first.manifest.alpha,
      referenceShare: 'none',
      ...(first.manifest.lora ? { lora: first.manifest.lora } : {}),
      ...trainedTogether(experts.map(({ manifest }) => manifest.trained)),
    },
    config: first.config,
    tokenizer: first.tokenizer,
    shared: {},
    copies: experts.map(({ shared }) => shared),
    reference: first.reference,
  };
}

/** What was spent on all of them; nothing where that of one is unknown. */
export function trainedTogether(budgets: readonly (Trained | undefined)[]): { readonly trained?: Trained } {
  const known = budgets.filter((budget) => budget !== undefined);
  if (known.length < budgets.length) return {};
  const sum = (name: keyof Omit<Trained, 'by'>): number =>
    known.reduce((total, budget) => total + budget[name], 0);
  const [steps, groups, responses, tokens] = [sum('steps'), sum('groups'), sum('responses'), sum('tokens')];
  return { trained: { steps, groups, responses, tokens, ...takenBy(known) } };
}

/** Each known way once: that one expert's is unknown does not hide that another's was biased. */
function takenBy(budgets: readonly Trained[]): Pick<Trained, 'by'> {
  const ways = new Map(budgets.flatMap(({ by = [] }) => by.map((way) => [canonicalJson(way), way] as const)));
  return ways.size === 0 ? {} : { by: [...ways.values()] };
}

function checkExpert({ manifest, tokenizer }: StoredPolicy, first: StoredPolicy): void {
  const { objectives, conditioning, alpha, reference, lora } = manifest;
  if (objectives.length !== 1 || conditioning !== 'none')
    throw refused(
      `an expert of a soup is trained on one reward, found ${objectives.join(', ')} (${conditioning})`,
    );
  if (reference !== first.manifest.reference)
    throw refused('the experts of a soup start from one reference, found several: join them by seed');
  if (JSON.stringify(alpha) !== JSON.stringify(first.manifest.alpha))
    throw refused('the experts of a soup have one alpha, found several');
  if (JSON.stringify(lora) !== JSON.stringify(first.manifest.lora))
    throw refused(
      'the experts of a soup are adapters of one shape, or none is one, found several: give them all the same `lora`',
    );
  if (tokenizer.vocabulary.join(' ') !== first.tokenizer.vocabulary.join(' '))
    throw refused('the experts of a soup have one tokenizer, found several');
}

function refused(message: string): StageFailure {
  return new StageFailure('user', 'soup', message);
}
