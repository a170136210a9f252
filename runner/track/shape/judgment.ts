/** A call of a judge as a trace, with its verdict as an assessment, linked to the run that asked. */
import { sha256 } from '../../../schemas/json.js';
import type { JudgmentBody, JudgmentStatus } from '../../../schemas/protocol.js';
import { fittingName } from '../mlflow/fitting.js';
import type { Assessment, Trace } from '../mlflow/types.js';
import { present } from './describe.js';

/** With the time of its answer, in milliseconds since 1970. */
export type Judgment = Omit<JudgmentBody, 'type'> & { readonly time: number };

export interface JudgedIn {
  readonly experiment: string;
  /** Server's id of the run, and what identifies the call among all of ours. */
  readonly run: string;
  readonly clientKey: string;
}

const decided: ReadonlySet<JudgmentStatus> = new Set(['ok', 'tie', 'inconsistent']);

/** The same call of the same run has the same ids, whoever sends it: sent again, it is nothing new. */
export function traceOfJudgment(
  judgment: Judgment,
  { experiment, run, clientKey }: JudgedIn,
): { readonly trace: Trace; readonly assessment: Assessment } {
  const { judge, rubric, prompt, responses, status, verdict, rationale, item, time, milliseconds } = judgment;
  const digits = sha256(`moft-judgment-2\0${clientKey}`).slice(0, 32);
  const id = `tr-${digits}`;
  const isDecided = decided.has(status);
  const why = rationale === undefined ? {} : { rationale };
  return {
    trace: {
      ...{ id, experiment, run, name: `judge: ${rubric}`, start: time - milliseconds, milliseconds },
      ok: isDecided,
      request: { judge, rubric, prompt, responses },
      response: { status, ...(verdict === undefined ? {} : { verdict }), ...why },
      tags: present({
        'moft.judge': judge,
        'moft.rubric': rubric,
        'moft.status': status,
        'moft.item': item,
      }),
    },
    assessment: {
      ...{ id: `a-${digits}`, trace: id, name: fittingName(rubric), time },
      // A call that decided nothing is no mark: the server keeps it apart as an error.
      ...(isDecided
        ? { value: verdict ?? status }
        : { failure: { code: status.toUpperCase(), message: rationale ?? status } }),
      source: { kind: 'LLM_JUDGE', id: judge },
      ...why,
    },
  };
}
