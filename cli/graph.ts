import { writeFileSync } from 'node:fs';
import { dirname, extname, resolve } from 'node:path';
import { failureFromSystem } from '../runner/execute/failures.js';
import type { Pipeline } from '../runner/pipeline.js';
import { valueOptions, type CommandSpec, type Options } from './command.js';
import { engineFlag, engineOption } from './engine-option.js';
import { exitCode, UsageError } from './exit.js';
import type { Graph } from './graph/model.js';
import type { CliHost } from './host.js';
import { loadChecked, makePlan, open, storeRoot, type Planned } from './load.js';
import { flag, text } from './options.js';
import { select, selectionOptions } from './select.js';
import { clean } from './text.js';

const formats = ['mermaid', 'dot', 'svg', 'html'] as const;
type Format = (typeof formats)[number];

/** Beyond this many, a picture is no help, and its layout takes minutes. */
const drawable = 400;

const spec: CommandSpec = {
  usage: 'graph <file>',
  description: 'Draw a pipeline: its stages, how many cells each has, and what they read',
  options: [
    ...valueOptions,
    ...selectionOptions,
    [
      '--format <name>',
      'One of: mermaid, dot, svg or html; default: by the name of the output, else mermaid',
    ],
    ['-o, --out <path>', 'Write to this file instead of printing'],
    ['--cells', 'Draw every cell instead of stages'],
    ['--plan', 'Colour by what a run would do'],
    engineFlag,
  ],
  examples: [
    'graph pipelines/quickstart.yaml',
    'graph experiment.yaml --plan -o experiment.svg',
    'graph experiment.yaml --cells --format dot',
  ],
  async run([file], options, host) {
    const out = text(options, 'out');
    const format = formatOf(options, out);
    const backend = engineOption(options);
    if (backend !== undefined && !flag(options, 'plan'))
      throw new UsageError('--backend is for --plan', 'add --plan, or leave it out');
    const { pipeline } = await select(await loadChecked(file, options, host), options);
    const planned = flag(options, 'plan') ? await planOf(pipeline, backend, host) : undefined;
    if (planned && !planned.ok) return planned.exit;
    const { cellGraph, stageGraph } = await import('./graph/model.js');
    const build = flag(options, 'cells') ? cellGraph : stageGraph;
    const drawn = await draw(build(pipeline, planned?.plan), format);
    if (out === undefined) host.stdout.write(drawn);
    else {
      writeOut(resolve(host.cwd, out), drawn);
      host.stderr.write(clean(`wrote ${out}\n`));
    }
    return exitCode.done;
  },
};
export default spec;

const extensions: Readonly<Record<string, Format>> = {
  '.mmd': 'mermaid',
  '.mermaid': 'mermaid',
  '.md': 'mermaid',
  '.dot': 'dot',
  '.gv': 'dot',
  '.svg': 'svg',
  '.html': 'html',
};

function formatOf(options: Options, out: string | undefined): Format {
  const name = text(options, 'format');
  if (name === undefined) return out === undefined ? 'mermaid' : formatOfName(out);
  const found = formats.find((format) => format === name);
  if (found) return found;
  throw new UsageError(
    `--format expects the name of a format, found ${JSON.stringify(name)}`,
    `the formats are ${formats.join(', ')}`,
  );
}

function formatOfName(out: string): Format {
  const found = extensions[extname(out).toLowerCase()];
  if (found) return found;
  throw new UsageError(
    `the ending of ${JSON.stringify(out)} names no format of a graph`,
    `the endings are ${Object.keys(extensions).join(', ')}; or give --format`,
  );
}

async function planOf(pipeline: Pipeline, backend: string | undefined, host: CliHost): Promise<Planned> {
  const store = await open(storeRoot(dirname(pipeline.file), host), 'read', host);
  return store ? makePlan(pipeline, store, host, { backend }) : { ok: false, exit: exitCode.environment };
}

async function draw(graph: Graph, format: Format): Promise<string> {
  if (format === 'mermaid' || format === 'dot') {
    const { toDot, toMermaid } = await import('./graph/text.js');
    return format === 'dot' ? toDot(graph) : toMermaid(graph);
  }
  if (graph.nodes.length > drawable)
    throw new UsageError(
      `${graph.nodes.length} cells are too many for one picture, at most ${drawable}`,
      'leave out --cells, or write DOT for a program of its own: --format dot',
    );
  const [{ placeGraph }, { toHtml, toSvg }] = await Promise.all([
    import('./graph/layout.js'),
    import('./graph/svg.js'),
  ]);
  return (format === 'svg' ? toSvg : toHtml)(placeGraph(graph));
}

function writeOut(path: string, content: string): void {
  try {
    writeFileSync(path, content);
  } catch (error) {
    throw new UsageError(`the graph can't be written to ${path}: ${failureFromSystem(error).message}`);
  }
}
