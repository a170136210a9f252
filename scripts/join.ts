/** Joins compiled modules into few files: Node takes longer to find and link two hundred of them than to check a pipeline. */
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { rolldown } from 'rolldown';

/** Packages that nearly every command loads; all others stay where npm put them. */
const usual = ['yaml', 'cac', 'fastest-levenshtein'];

/**
 * @param root of the project, compiled
 * @param input the module that a command line starts with; the joined one has its name
 * @param dir a folder in dist/, so that what modules find relative to themselves (the compiled checks) is found from it
 * @param more packages that this command line loads nearly always
 */
export async function joinModules(
  root: string,
  input: string,
  dir: string,
  more: readonly string[] = [],
): Promise<void> {
  const joined = [...usual, ...more];
  const { dependencies, optionalDependencies } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  ) as Record<'dependencies' | 'optionalDependencies', Record<string, string>>;
  const apart = Object.keys({ ...dependencies, ...optionalDependencies }).filter(
    (name) => !joined.includes(name),
  );
  const bundle = await rolldown({
    input,
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
    entryFileNames: basename(input),
    // At the depth of the modules.
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
}
