import { statfsSync } from 'node:fs';
import type { Ailment, Health } from '../runner/store/index.js';
import { jsonOption, type CommandSpec } from './command.js';
import { exitCode } from './exit.js';
import type { CliHost } from './host.js';
import { printJson, printProblem, standingStore } from './load.js';
import { flag } from './options.js';
import { bytes, clean, columns, counted } from './text.js';
import { withStore } from './with-store.js';

const spec: CommandSpec = {
  usage: 'doctor',
  description:
    'Hash and read the whole store again, put corrupt blobs aside, and say what is not as it should be',
  options: [jsonOption],
  examples: ['doctor', 'doctor --json'],
  async run(_args, options, host) {
    return withStore({ root: standingStore(host.cwd, host) }, host, async (store) => {
      const health = await (await store.upkeep()).examine(progressOn(host));
      if (!health.ok) {
        printProblem(health.error, host);
        return exitCode.environment;
      }
      if (flag(options, 'json')) printJson(healthJson(health.value, store.root), host);
      else printHealth(health.value, store.root, host);
      return isWell(health.value) ? exitCode.done : exitCode.failed;
    });
  },
};
export default spec;

const isWell = ({ ailments }: Health): boolean => ailments.every(({ harmless }) => harmless === true);

/** On a terminal, a line that counts up; at most once a percent. */
function progressOn(host: CliHost): (done: number, total: number) => void {
  if (host.stderr.isTTY !== true) return () => undefined;
  let shown = -1;
  return (done, total) => {
    const percent = Math.floor((100 * done) / total);
    if (percent === shown) return;
    shown = percent;
    host.stderr.write(`\r${percent}% of ${counted(total, 'blob')} hashed${done === total ? '\n' : ''}`);
  };
}

interface Machine {
  readonly node: string;
  readonly store: string;
  /** Bytes that are free on its disk. */
  readonly free: number;
}

function machine(root: string): Machine {
  const { bavail, bsize } = statfsSync(root);
  return { node: process.version, store: root, free: bavail * bsize };
}

function healthJson(health: Health, root: string): Record<string, unknown> {
  return { ok: isWell(health), ...machine(root), ...health };
}

function printHealth(health: Health, root: string, host: CliHost): void {
  const { blobs, records, runs, ailments } = health;
  const { node, store, free } = machine(root);
  const lines = [
    ...columns([
      ['Node', node],
      ['store', store],
      ['free', bytes(free)],
      ['blobs', `${blobs.count}, ${bytes(blobs.bytes)}, hashed again`],
      ['records', String(records)],
      ['runs', String(runs)],
    ]),
    ...ailments.flatMap(ailmentLines),
    isWell(health)
      ? 'all is as it should be'
      : `${counted(ailments.length, 'finding')}; no wrong result is served because of them`,
  ];
  host.stdout.write(clean(`${lines.join('\n')}\n`));
}

function ailmentLines({ code, message, remedy, path, keys = [], harmless }: Ailment): readonly string[] {
  return [
    `${harmless === true ? 'note: ' : ''}${code}: ${message}`,
    ...(path === undefined ? [] : [`  at   ${path}`]),
    ...(keys.length === 0
      ? []
      : [
          `  used by ${counted(keys.length, 'result')}: ${keys.slice(0, 3).join(' ')}${keys.length > 3 ? ' ...' : ''}`,
        ]),
    `  then ${remedy}`,
  ];
}
