/** A call of a judge as a trace, with its verdict as an assessment, linked to the run that asked. */
import { sha256 } from '../../../schemas/json.js';
import type { Assessment, Trace } from '../mlflow/types.js';

export interface Judgment {
  readonly prompt: string;
  readonly a: string;
  readonly b: string;
  /** `a`, `b`, or how it failed to decide: `tie`, `inconsistent`, `unparsed`, `refused`, `truncated`, `error`. */
  readonly verdict: string;
  readonly rationale?: string;
  /** The judge. */
  readonly model: string;
  /** Milliseconds since 1970 at which it was asked. */
  readonly time: number;
  readonly seconds: number;
}

export interface JudgedIn {
  readonly experiment: string;
  /** Server's id of the run, and what identifies the call among all of ours. */
  readonly run: string;
  readonly clientKey: string;
}

const decided: ReadonlySet<string> = new Set(['a', 'b', 'tie', 'inconsistent']);

/** The same call of the same run has the same ids, whoever sends it: sent again, it is nothing new. */
export function traceOfJudgment(
  judgment: Judgment,
  { experiment, run, clientKey }: JudgedIn,
): { readonly trace: Trace; readonly assessment: Assessment } {
  const { prompt, a, b, verdict, rationale, model, time, seconds } = judgment;
  const digits = sha256(`moft-judgment-1\0${clientKey}`).slice(0, 32);
  const milliseconds = Math.max(0, Math.round(seconds * 1000));
  return {
    trace: {
      ...{ id: `tr-${digits}`, experiment, run, name: 'judge', start: time, milliseconds },
      ok: decided.has(verdict),
      request: { prompt, a, b, model },
      response: { verdict, ...(rationale === undefined ? {} : { rationale }) },
      tags: { 'moft.judge': model, 'moft.verdict': verdict },
    },
    assessment: {
      ...{
        id: `a-${digits}`,
        trace: `tr-${digits}`,
        name: 'verdict',
        value: verdict,
        time: time + milliseconds,
      },
      source: { kind: 'LLM_JUDGE', id: model },
      ...(rationale === undefined ? {} : { rationale }),
    },
  };
}
