import type { StageEvent } from '../../schemas/protocol.js';
import { clean, oneLine } from '../text.js';

/** As many digits as a reader compares; the events themselves hold all of them. */
const short = (value: number): string =>
  Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));

/**
 * Lines for people of the events of one attempt, in their order. A figure at step 0 that comes after those of later steps
 * is one of the whole: it is told as the last one.
 */
export function eventLines(): (event: StageEvent) => string {
  let last = 0;
  return (event) => {
    if (event.type !== 'metric') return eventLine(event);
    last = Math.max(last, event.step);
    return event.step === 0 && last > 0 ? metricLine(event, 'at the end') : eventLine(event);
  };
}

type Metric = Extract<StageEvent, { type: 'metric' }>;

const metricLine = ({ time, name, value }: Metric, when: string): string =>
  `${new Date(time).toISOString()}  ${oneLine(name)} ${short(value)} ${when}`;

/** An event of a stage as a line for people. */
function eventLine(event: StageEvent): string {
  const time = new Date(event.time).toISOString();
  switch (event.type) {
    case 'metric':
      return metricLine(event, `at step ${event.step}`);
    case 'progress':
      return `${time}  ${event.done}/${event.total} ${oneLine(event.unit)}`;
    case 'log':
      return `${time}  ${event.level}: ${clean(event.text)}`;
    case 'note':
      return `${time}  note: ${clean(event.markdown)}`;
    case 'sample':
      return `${time}  sample: ${oneLine(event.prompt, 60)} -> ${oneLine(event.response, 100)}`;
    case 'judgment': {
      const { judge, rubric, status, verdict, prompt } = event;
      return `${time}  judgment: ${oneLine(judge)} on ${oneLine(rubric)}: ${oneLine(String(verdict ?? status))}, of ${oneLine(prompt, 60)}`;
    }
    case 'artifact':
      return `${time}  wrote ${oneLine(event.name)}`;
  }
}
