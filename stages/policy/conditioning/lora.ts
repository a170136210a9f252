import { adaptersOf, freshFactors } from '../../lm/index.js';
import { Random } from '../../random.js';
import type { ConditioningMethod } from './types.js';

/** No parameter itself: low-rank adapters of some of them are kept once an objective, and all else is frozen. */
export const conditioning: ConditioningMethod = {
  conditions: () => false,
  untied: false,
  factors({ config }, { lora, objectives }, seed) {
    if (!lora) throw new Error('internal error: adapters without a rank; please report it');
    const adapters = adaptersOf(config, lora);
    const copies = objectives.map((objective) =>
      freshFactors(adapters, new Random(seed, `policy/adapter/${objective}`)),
    );
    return { shared: {}, copies };
  },
};
