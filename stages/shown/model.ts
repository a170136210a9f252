import type { Shown } from '../../runner/contract.js';

/** A model in supervised training says all in its metrics. */
export const showModel = (): Shown => ({ curves: ['loss', 'eval/loss', 'learning_rate'] });
