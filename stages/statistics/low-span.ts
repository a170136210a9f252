import { fixed } from './fixed.js';
import { lockInSpan } from './steering.js';

/** Why a policy is not steered to an end: another cause, and another cure. */
export type LowSpan = 'locked-in' | 'out-of-reach';

/**
 * What a span says; undefined where the policy is steered, or nothing can be said.
 *
 * @param span relative to the optimum
 * @param inReach relative to the optimum among what the reference writes; null where that hardly moves
 */
export function lowSpan(span: number | null, inReach: number | null): LowSpan | undefined {
  if (span === null || span >= lockInSpan) return undefined;
  return inReach !== null && inReach < lockInSpan ? 'locked-in' : 'out-of-reach';
}

/** A sentence with a remedy: the log of a training and the report give the same. */
export function lowSpanAdvice(cause: LowSpan, policy: string, spans: string): string {
  return cause === 'locked-in'
    ? `${policy} is not steered to the ends: span ${spans}, under ${lockInSpan}. It locked in, or trained too little: ` +
        'try alpha_schedule {from: 0.2, share: 0.33}, sampling.corners 0.3, more samples a prompt, a lower learning ' +
        'rate, or more steps.'
    : `${policy} reaches as far as its reference model lets it: span ${spans} of the optimum's, under ${lockInSpan}, ` +
        'by responses that the reference gives a probability of .001 or more. It is no lock-in; a reference that ' +
        'knows more (wider, or trained longer) helps.';
}

/** `0.31 at seed 0, 0.40 at seed 1`; a name may be empty. */
export function spansText(spans: readonly { readonly span: number; readonly of: string }[]): string {
  return spans.map(({ span, of }) => `${fixed(span, 2)}${of === '' ? '' : ` ${of}`}`).join(', ');
}
