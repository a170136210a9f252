import type { StageEvent } from '../../schemas/protocol.js';
import { clean, oneLine } from '../text.js';

/** As many digits as a reader compares; the events themselves hold all of them. */
const short = (value: number): string =>
  Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));

/** An event of a stage as a line for people. */
export function eventLine(event: StageEvent): string {
  const time = new Date(event.time).toISOString();
  switch (event.type) {
    case 'metric':
      return `${time}  ${oneLine(event.name)} ${short(event.value)} at step ${event.step}`;
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
