/** Learning rates by step, counted from 0. */
import { unreachable } from '../../schemas/result.js';

export type Schedule = (step: number) => number;

export interface ScheduleOptions {
  readonly kind: 'constant' | 'linear' | 'cosine';
  /** The rate after the warm-up. */
  readonly rate: number;
  /** Steps in all; linear and cosine reach `final` there. */
  readonly steps: number;
  /** Steps of linear rise before; step 0 takes rate / warmup. */
  readonly warmup?: number;
  readonly final?: number;
}

export function constant(rate: number): Schedule {
  return () => rate;
}

export function schedule({ kind, rate, steps, warmup = 0, final = 0 }: ScheduleOptions): Schedule {
  return (step) => {
    if (step < warmup) return (rate * (step + 1)) / warmup;
    const share = Math.min(1, (step - warmup) / Math.max(1, steps - warmup));
    switch (kind) {
      case 'constant':
        return rate;
      case 'linear':
        return rate + (final - rate) * share;
      case 'cosine':
        return final + (rate - final) * 0.5 * (1 + Math.cos(Math.PI * share));
      default:
        return unreachable(kind);
    }
  };
}
