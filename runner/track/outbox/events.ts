/** Sends what a cell says while it works: metrics in batches, judgments as traces. */
import { ok, type Result } from '../../../schemas/result.js';
import type { StageEvent } from '../../../schemas/protocol.js';
import type { CellId } from '../../pipeline.js';
import { fitting, type MlflowClient, type MlflowProblem, type Run } from '../mlflow/index.js';
import { traceOfJudgment } from '../shape/index.js';
import { sendEach } from './send-each.js';
import { isFinal } from './problems.js';
import type { Fact, SentCell } from './sent.js';
import type { EventStream, Piece } from './stream.js';

type Done = Result<void, MlflowProblem>;

/** Tag that says how far the events of a run are there: `<attempt>:<seq>`. */
const sentTag = 'moft.sent';

/** How far the server says that the events of a run are there. */
export function sentUntil({ tags }: Run): { readonly attempt: number; readonly last: number } | undefined {
  const [attempt = NaN, last = NaN] = (tags[sentTag] ?? '').split(':').map(Number);
  return Number.isInteger(attempt) && Number.isInteger(last) ? { attempt, last } : undefined;
}

export interface EventsTo {
  readonly client: MlflowClient;
  readonly cell: CellId;
  readonly child: SentCell;
  readonly experiment: string;
  readonly clientKey: string;
  /** Whether judgments are sent. */
  readonly traces: boolean;
  readonly note: (fact: Fact) => void;
}

/** All that the stream holds now, a stretch at a time; a stretch is noted before it is sent and after it has arrived. */
export async function sendEvents(stream: EventStream, to: EventsTo): Promise<Done> {
  const { client, cell, child, note } = to;
  for (let piece = stream.next(); piece; piece = stream.next()) {
    const { attempt, first, last, events } = piece;
    note({ kind: 'sending', cell, attempt, first, last });
    const refused = to.traces ? await sendJudgments(piece, to) : ok(undefined);
    if (!refused.ok) return refused;
    const { batch } = fitting({
      metrics: events.flatMap(metricOf),
      tags: {
        [sentTag]: `${attempt}:${last}`,
        ...(refused.value === undefined ? {} : { 'moft.left_out.judgments': refused.value }),
      },
    });
    const logged = await client.log(child.id, batch);
    if (!logged.ok) return logged;
    note({ kind: 'sent', cell, attempt, last });
    stream.taken(piece);
  }
  return ok(undefined);
}

const metricOf = (event: StageEvent) =>
  event.type === 'metric'
    ? [{ key: event.name, value: event.value, timestamp: event.time, step: event.step }]
    : [];

/** A server that takes no traces costs a cell none of its figures. @returns why they are not there */
async function sendJudgments(
  { attempt, events }: Piece,
  { client, cell, child, experiment, clientKey }: EventsTo,
): Promise<Result<string | undefined, MlflowProblem>> {
  const judgments = events.filter((event) => event.type === 'judgment');
  const sent = await sendEach(judgments, async (event) => {
    const place = { experiment, run: child.id, clientKey: `${clientKey}/${attempt}/${event.seq}` };
    const { trace, assessment } = traceOfJudgment(event, place);
    const { tags } = fitting({ tags: { ...trace.tags, 'moft.cell': cell } }).batch;
    const put = await client.putTrace({ ...trace, tags });
    return put.ok ? client.putAssessment(assessment) : put;
  });
  if (sent.ok) return ok(undefined);
  return isFinal(sent.error) ? ok(sent.error.message) : sent;
}
