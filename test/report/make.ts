/** Runs the report kind as a worker does, in a folder of its own. */
import { mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StageEventBody } from '../../schemas/protocol.js';
import type { Front } from '../../schemas/artifact.js';
import { run } from '../../stages/kinds/report.run.js';
import { readCurves } from '../../stages/report/fronts.js';
import { page } from '../../stages/report/page/page.js';
import { summarise } from '../../stages/report/summary.js';
import type { Summary } from '../../stages/report/types.js';
import { gather } from './fixtures.js';

export interface Made {
  readonly folder: string;
  readonly summary: Summary;
  readonly html: string;
  readonly events: readonly StageEventBody[];
  readonly file: (name: string) => string;
}

export type Fronts = readonly { coordinates: Record<string, string>; front: Front }[];

export async function makeReport(
  fronts: Fronts,
  text: Partial<{ title: string; description: string; samples: number; margin: number }> = {},
): Promise<Made> {
  const folder = mkdtempSync(join(tmpdir(), 'moft-report-'));
  const out = join(folder, 'out');
  const events: StageEventBody[] = [];
  mkdirSync(join(folder, 'in'));
  await run(
    {
      v: 1,
      attempt: 'test',
      kind: 'report',
      with: { title: '', description: '', samples: 2, margin: 0.001, ...text },
      inputs: { fronts: gather(join(folder, 'in'), fronts) },
      outputs: { report: { type: 'report', path: out } },
      scratch: folder,
    },
    (event) => events.push(event),
    new AbortController().signal,
  );
  const file = (name: string): string => readFileSync(join(out, name), 'utf8');
  const summary = JSON.parse(file('summary.json')) as Summary;
  return { folder: out, summary, html: file('index.html'), events, file };
}

/** The summary and the page without its charts, which take most of the time. */
export async function summaryOf(
  fronts: Fronts,
  text: { readonly margin?: number } = {},
): Promise<{ summary: Summary; html: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'moft-report-'));
  const curves = await readCurves(gather(folder, fronts));
  const summary = summarise(curves, { title: '', description: '', samples: 0, margin: 0.001, ...text });
  return { summary, html: page(summary, { slices: [] }) };
}

/** The text of every table: rows of cells, each cell's parts joined by a space. */
export function tablesOf(html: string): string[][][] {
  return [...html.matchAll(/<table[^]*?<\/table>/g)].map(([table]) =>
    [...table.matchAll(/<tr[^]*?<\/tr>/g)].map(([row]) =>
      [...row.matchAll(/<t[hd][^]*?<\/t[hd]>/g)].map(([cell]) => textOf(cell)),
    ),
  );
}

function textOf(markup: string): string {
  return markup
    .replace(/<[^>]*>/g, ' ')
    .replaceAll('&minus;', '−')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')
    .replace(/\s+/g, ' ')
    .trim();
}
