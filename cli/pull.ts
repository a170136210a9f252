import { dirname } from 'node:path';
import { jsonOption, valueOptions, type CommandSpec } from './command.js';
import { exitCode, UsageError } from './exit.js';
import { loadChecked, makePlan, printJson, projectRoot, storeRoot } from './load.js';
import { cachesIn, machineOf, withCaches } from './machine.js';
import { flag } from './options.js';
import { clean, counted } from './text.js';
import { withStore } from './with-store.js';

const spec: CommandSpec = {
  usage: 'pull <file>',
  description: 'Fetch what the shared caches have of a pipeline’s results; runs nothing',
  options: [...valueOptions, jsonOption],
  examples: ['pull experiment.yaml', 'pull experiment.yaml -p alpha=0.1'],
  async run([file], options, host) {
    const pipeline = await loadChecked(file, options, host);
    const folder = dirname(pipeline.file);
    const machine = await machineOf(folder);
    const caches = await cachesIn(machine, host);
    if (caches.length === 0)
      throw new UsageError(
        'there is no shared cache to pull from',
        `write one under \`caches:\` in ${projectRoot(folder)}/moft.yaml`,
      );
    const wish = { root: storeRoot(folder, host), shared: machine.shared };
    return withStore(wish, host, async (store) => {
      const before = await makePlan(pipeline, store, host);
      if (!before.ok) return before.exit;
      // A plan asks for each key as soon as it is known, and keys below a hit are known then.
      const after = await makePlan(pipeline, await withCaches(store, caches, host), host);
      if (!after.ok) return after.exit;
      const pulled = after.plan.counts.hit - before.plan.counts.hit;
      const missing = after.plan.cells.length - after.plan.counts.hit;
      if (flag(options, 'json')) printJson({ pulled, here: before.plan.counts.hit, missing }, host);
      else
        host.stdout.write(
          clean(
            `pulled ${counted(pulled, 'result')}; ${before.plan.counts.hit} were here, ${missing} are to be run\n`,
          ),
        );
      return exitCode.done;
    });
  },
};
export default spec;
