/**
 * What happened in a run, one JSON object a line: append-only, each line with a seq and a checksum, so
 * that a line torn by a kill is told from a whole one. It decides no hit.
 */
import fs from 'node:fs';
import type { JsonObject } from '../../schemas/json.js';
import type { Context } from './context.js';
import { journalFile, readText } from './layout.js';
import { openLine, sealLine } from './lines.js';
import { guard } from './problem.js';
import { Tail } from './tail.js';
import type { JournalContent, JournalFollower, JournalWriter } from './types.js';

type Line = JsonObject & { readonly seq: number };

const toLine = (event: JsonObject, seq: number): string => sealLine(JSON.stringify({ seq, ...event }));

function fromLine(line: string): Line | undefined {
  const body = openLine(line);
  return body === undefined ? undefined : (JSON.parse(body) as Line);
}

interface Parsed extends JournalContent {
  readonly events: readonly Line[];
  /** Bytes up to the end of the last whole line. */
  readonly whole: number;
}

function parse(text: string): Parsed {
  const events: Line[] = [];
  let torn = 0;
  let whole = 0;
  let at = 0;
  const lines = text.split('\n');
  for (const [index, line] of lines.entries()) {
    const end = at + Buffer.byteLength(line) + 1;
    // Behind the last line break stands nothing, or a torn line.
    const event = index === lines.length - 1 ? undefined : fromLine(line);
    if (event) {
      events.push(event);
      whole = end;
    } else if (line !== '') torn += 1;
    at = end;
  }
  return { events, torn, whole };
}

/** Cuts what a kill left behind the last whole line. */
function cutTail(context: Context, file: string, content: Parsed): void {
  const size = fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size !== content.whole) context.disk.truncate(file, content.whole);
}

export function openJournal(context: Context, run: string): JournalWriter {
  const file = journalFile(context.root, run);
  const content = parse(readText(file) ?? '');
  if (fs.existsSync(file)) cutTail(context, file, content);
  const sink = context.disk.append(file);
  let seq = content.events.at(-1)?.seq ?? 0;
  /** Behind half a line that a full disk took, a new one begins. */
  let start = '';
  return {
    append: (event) =>
      guard(() => {
        const line = start + toLine(event, seq + 1);
        start = '\n';
        sink.write(Buffer.from(line));
        start = '';
        return (seq += 1);
      }),
    close: () => sink.close(),
  };
}

export function readJournal(context: Context, run: string): JournalContent {
  const { events, torn } = parse(readText(journalFile(context.root, run)) ?? '');
  return { events, torn };
}

/** Reads on from where it stood: what a run adds is seen without reading the rest again. */
export function followJournal(context: Context, run: string): JournalFollower {
  const tail = new Tail(journalFile(context.root, run));
  return { read: () => guard(() => tail.readAll().flatMap((line) => fromLine(line) ?? [])) };
}
