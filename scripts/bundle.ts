/**
 * Joins the command line, after tsc, into few files: dist/bundle. Node takes longer to find and link two hundred small
 * modules than to check a pipeline. Only bin/moft.js starts it; workers run the modules themselves, since these are
 * what the code digest of a cell counts.
 */
import { readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Packages that nearly every command loads; all others stay where npm put them. */
const joined = ['yaml', 'cac', 'fastest-levenshtein'];

const { dependencies, optionalDependencies } = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8'),
) as Record<'dependencies' | 'optionalDependencies', Record<string, string>>;
const apart = Object.keys({ ...dependencies, ...optionalDependencies }).filter(
  (name) => !joined.includes(name),
);

const dir = join(root, 'dist', 'bundle');
rmSync(dir, { recursive: true, force: true });
const bundle = await rolldown({
  input: join(root, 'dist', 'cli', 'moft.js'),
  platform: 'node',
  external: (name) => apart.some((one) => name === one || name.startsWith(`${one}/`)),
  // The same code as ES modules, of which only what is used is taken.
  resolve: { alias: { yaml: join(root, 'node_modules', 'yaml', 'browser', 'dist', 'index.js') } },
  // What one command loads on demand, another needs at once: no fault.
  checks: { ineffectiveDynamicImport: false },
});
await bundle.write({
  dir,
  format: 'esm',
  entryFileNames: 'moft.js',
  // At the depth of the modules: what they find relative to themselves (the compiled checks) is found from here.
  chunkFileNames: 'chunks/[name]-[hash].js',
  codeSplitting: {
    // Each with all that it imports statically; the rest is split by what loads it.
    groups: [
      { name: 'check', test: /dist\/(cli\/(check|kinds)|runner\/language\/index)\.js$/, priority: 2 },
      { name: 'plan', test: /dist\/(cli\/(plan|run)|runner\/(plan|store)\/index)\.js$/, priority: 1 },
      { name: 'run', test: /dist\/cli\/(execute|summary|progress\/presenter|machine)\.js$/ },
    ],
  },
});
await bundle.close();
