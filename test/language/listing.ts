/** What a golden file holds below its `---`: the cells of a pipeline, or its diagnostics. */
import {
  analyze,
  applyFix,
  formatDiagnostic,
  formatOrigin,
  type Analysis,
  type AnalyzeOptions,
} from '../../runner/language/index.js';
import { matchOne } from '../../cli/cells.js';
import { UsageError } from '../../cli/exit.js';
import { kinds as builtIn } from '../../cli/kinds.js';
import { describeFix, mend } from '../../cli/mend.js';
import { select } from '../../cli/select.js';
import type { Cell, InputBinding, Origin, Pipeline, Variant } from '../../runner/pipeline.js';
import { registry } from './kinds.js';

export const file = '/project/pipelines/test.yaml';

export interface Options extends Pick<AnalyzeOptions, 'preset' | 'params' | 'sets'> {
  /** Absolute paths that exist; without it all do. */
  readonly existing?: readonly string[];
  /** Of the product, with their own checks; without it those of kinds.ts. */
  readonly kinds?: 'built-in';
  /** Applies fixes, as `check --fix` does. */
  readonly fix?: boolean;
  /** A cell as commands for one cell name it. */
  readonly one?: string;
  /** `--only`, `--from` or `--until` and what it names. */
  readonly select?: Readonly<Record<string, string>>;
}

/** What moft answers: to a selection of cells or a fix where the options ask for one, else about the whole file. */
export async function answer(text: string, options: Options = {}): Promise<string> {
  if (options.fix === true) return mended(text, options);
  if (options.one === undefined && options.select === undefined) return listing(text, options);
  const { pipeline } = check(text, options);
  if (pipeline === undefined) return listing(text, options);
  try {
    return options.one === undefined
      ? await selected(pipeline, options.select ?? {})
      : `${(await matchOne(pipeline.cells, options.one)).id}\n`;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return [`error: ${error.message}`, ...(error.hint === undefined ? [] : [`hint: ${error.hint}`]), ''].join(
      '\n',
    );
  }
}

/** Each cell of a run, or that it is only read. */
async function selected(pipeline: Pipeline, options: Readonly<Record<string, string>>): Promise<string> {
  const { pipeline: part, support } = await select(pipeline, options);
  return part.cells.map(({ id }) => `${id}${support.has(id) ? ': must be in the store' : ''}\n`).join('');
}

/** What `check --fix` shows, and the file after it. */
function mended(text: string, options: Options): string {
  const after = mend(
    text,
    (now) => check(now, options).diagnostics,
    (now, fix) => applyFix({ file, text: now }, fix),
  );
  const left = after.left.map((one) => `${formatDiagnostic(one, after.text)}\n`);
  return [...after.applied.map(describeFix), ...left].join('').replaceAll('/project/pipelines/', '');
}

export function check(text: string, { existing, kinds, ...options }: Options = {}): Analysis {
  return analyze(
    { file, text },
    {
      registry: kinds === 'built-in' ? builtIn : registry,
      workingFolder: '/project',
      exists: (path) => existing?.includes(path) ?? true,
      ...options,
    },
  );
}

/** Diagnostics as the user sees them, or all cells with what decides them. */
export function listing(text: string, options: Options = {}): string {
  const { pipeline, diagnostics } = check(text, options);
  if (pipeline === undefined)
    return `${diagnostics
      .map((one) => formatDiagnostic(one, text))
      .join('\n')
      .replaceAll('/project/pipelines/', '')}\n`;
  const variants = pipeline.variants.map(describeVariant);
  const remarks = pipeline.remarks.map((remark) => `remark: ${remark}\n`);
  const warnings = pipeline.warnings.map((one) =>
    `${formatDiagnostic(one, text)}\n`.replaceAll('/project/pipelines/', ''),
  );
  return [...warnings, ...pipeline.cells.map(describeCell), ...variants, ...remarks].join('');
}

function describeVariant({ name, patches }: Variant): string {
  const changed = patches.map(({ stage, path, place }) => `${stage}.${path} ${short(place)}`);
  return `variant ${name}: ${changed.join(', ')}\n`;
}

const short = (origin: Origin): string => formatOrigin(origin).replace('/project/pipelines/', '');

function describeCell(cell: Cell): string {
  const lines = [
    `${cell.id}${cell.seed === undefined ? '' : ` seed ${String(cell.seed)}`}`,
    ...(cell.coordinates.ablation === undefined ? [] : [`  twin ${cell.twin ?? 'none'}`]),
    `  with ${JSON.stringify(cell.with)}`,
    ...Object.entries(cell.origins)
      .filter(([, { via }]) => via !== undefined)
      .map(([path, origin]) => `  ${path} from ${short(origin)}`),
    ...Object.entries(cell.inputs).map(([name, binding]) => `  ${name}: ${describeBinding(binding)}`),
    ...settings(cell).map((setting) => `  ${setting}`),
  ];
  return `${lines.join('\n')}\n`;
}

function describeBinding(binding: InputBinding): string {
  switch (binding.kind) {
    case 'artifact':
      return `${binding.cell} ${binding.output}`;
    case 'path':
      return `path ${binding.path}`;
    case 'gathered':
      return binding.items
        .map((item) => `\n    ${JSON.stringify(item.coordinates)} ${item.cell} ${item.output}`)
        .join('');
  }
}

/** Settings that are not what a stage has by itself. */
function settings(cell: Cell): string[] {
  const waits = cell.needs.filter(
    (need) => !Object.values(cell.inputs).some((binding) => describeBinding(binding).includes(`${need} `)),
  );
  return [
    ...(waits.length === 0 ? [] : [`waits for ${waits.join(', ')}`]),
    ...(cell.env.length === 0 ? [] : [`env ${cell.env.join(', ')}`]),
    ...(cell.secrets.length === 0 ? [] : [`secrets ${cell.secrets.join(', ')}`]),
    ...(Object.keys(cell.resources).length === 0 ? [] : [`resources ${JSON.stringify(cell.resources)}`]),
    ...(cell.priority === undefined ? [] : [`priority ${String(cell.priority)}`]),
    ...(cell.timeout === undefined ? [] : [`timeout ${String(cell.timeout)} s`]),
    ...(cell.silence === undefined ? [] : [`silent ${String(cell.silence)} s`]),
    ...(Object.keys(cell.retries).length === 0 ? [] : [`retries ${JSON.stringify(cell.retries)}`]),
  ];
}
