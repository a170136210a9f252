import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Import, imports, isSource, packageOf, root, show, sources } from './imports.js';

const inRoom = (path: string, room: string): boolean => path.startsWith(`${room}/`);
const from = (room: string): Import[] => imports.filter((edge) => inRoom(edge.from, room));

/** Imports of `room` that lead to a source file none of `allowed` begins. */
function strays(room: string, allowed: readonly string[]): string[] {
  return show(from(room).filter((edge) => isSource(edge.to) && !allowed.some((a) => edge.to.startsWith(a))));
}

describe('rooms', () => {
  it('the scan sees the whole source', () => {
    expect(sources).toContain('runner/contract.ts');
    expect(show(imports)).toContain('runner/contract.ts -> schemas/artifact.ts');
    expect(imports.filter((edge) => isSource(edge.to) && !existsSync(join(root, edge.to)))).toEqual([]);
  });

  it('schemas import nothing of ours', () => expect(strays('schemas', ['schemas/'])).toEqual([]));

  it('the runner knows no machine learning', () => {
    expect(strays('runner', ['runner/', 'schemas/'])).toEqual([]);
    expect(show(from('runner').filter((edge) => packageOf(edge.to)?.startsWith('@tensorflow/')))).toEqual([]);
  });

  it('stages see the runner only through its contract', () =>
    expect(strays('stages', ['stages/', 'schemas/', 'runner/contract.ts'])).toEqual([]));

  it('cli joins the runner, kinds, what is shown and taken out of results and the management of engines, and nobody imports cli', () => {
    const engines = ['engine.ts', 'engine-info.ts', 'places.ts', 'manage/'].map(
      (path) => `stages/backend/${path}`,
    );
    const joined = [
      ...['runner/', 'schemas/', 'stages/kinds/', 'stages/shown/', 'stages/lm/conformance/'],
      ...['stages/policy/merged-model.ts', ...engines],
    ];
    expect(strays('cli', ['cli/', ...joined])).toEqual([]);
    const outside = imports.filter((edge) => inRoom(edge.to, 'cli') && !inRoom(edge.from, 'cli'));
    expect(show(outside.filter((edge) => !/^(scripts|bench)\//.test(edge.from)))).toEqual([]);
  });

  it('only lm, rl, policy and backend see TensorFlow.js', () => {
    const seen = from('stages').filter((edge) => packageOf(edge.to)?.startsWith('@tensorflow/'));
    expect(show(seen.filter((edge) => !/^stages\/(lm|rl|policy|backend)\//.test(edge.from)))).toEqual([]);
  });
});

describe('imports', () => {
  it('make no cycle', () => expect(cycles()).toEqual([]));

  it('on demand are literal: a kind loads its recipe, a plug-in map its plug-ins', () => {
    const dynamic = imports.filter((edge) => edge.kind === 'dynamic');
    expect(show(dynamic.filter((edge) => edge.to === '?'))).toEqual([]);
  });

  it('of a declaration of a kind are light, so that check and plan start at once', () => {
    const declarations = sources.filter((path) => /^stages\/kinds\/(?!.*\.run\.ts$)/.test(path));
    expect(declarations).toContain('stages/kinds/report.ts');
    const heavy = declarations.flatMap((path) =>
      [...packagesReached(path)].map((name) => `${path} ... -> ${name}`),
    );
    expect(heavy).toEqual([]);
  });

  it('take of TypeBox its types alone: loading its builder costs more than all of check, its checks more than a cell', () => {
    const product = imports.filter((edge) => /^(cli|runner|stages|schemas)\//.test(edge.from));
    const builders = product.filter((edge) => edge.kind === 'value' && edge.to.startsWith('typebox'));
    expect(show(builders)).toEqual([]);
  });
});

describe('packages', () => {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<
    'dependencies' | 'devDependencies' | 'optionalDependencies',
    Record<string, string>
  >;
  const used = new Set(imports.map((edge) => packageOf(edge.to)).filter((name) => name !== undefined));
  const runtime = { ...manifest.dependencies, ...manifest.optionalDependencies };

  it('that the product imports are its dependencies', () => {
    const product = imports.filter((edge) => !/^(bench|scripts)\//.test(edge.from));
    const missing = product.filter((edge) => {
      const name = packageOf(edge.to);
      return name !== undefined && edge.kind !== 'type' && !(name in runtime);
    });
    expect(show(missing)).toEqual([]);
  });

  it('that are declared are used', () => {
    const named = Object.keys(runtime).filter((name) => !used.has(name) && !namedInText(name));
    expect(named).toEqual([]);
  });

  it('are pinned exactly', () => {
    const versions = Object.entries({ ...runtime, ...manifest.devDependencies });
    expect(versions.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
  });
});

/** Packages resolved by name instead of imported, such as the native engine. */
function namedInText(name: string): boolean {
  return sources.some((path) => readFileSync(join(root, path), 'utf8').includes(`'${name}'`));
}

/** Packages that loading a file loads: value imports, followed through files of ours. */
function packagesReached(path: string, seen = new Set<string>(), found = new Set<string>()): Set<string> {
  if (seen.has(path)) return found;
  seen.add(path);
  for (const edge of imports) {
    if (edge.from !== path || edge.kind !== 'value') continue;
    const name = packageOf(edge.to);
    if (name !== undefined) found.add(name);
    else if (isSource(edge.to)) packagesReached(edge.to, seen, found);
  }
  return found;
}

/** Cycles over static imports, types included (a kind's declaration loads its recipe on demand). */
function cycles(): string[] {
  const next = new Map<string, string[]>();
  for (const edge of imports) {
    if (edge.kind === 'dynamic' || !isSource(edge.to)) continue;
    next.set(edge.from, [...(next.get(edge.from) ?? []), edge.to]);
  }
  const done = new Set<string>();
  const found: string[] = [];
  const walk = (path: string, trail: readonly string[]): void => {
    const at = trail.indexOf(path);
    if (at >= 0) found.push([...trail.slice(at), path].join(' -> '));
    if (at >= 0 || done.has(path)) return;
    for (const to of next.get(path) ?? []) walk(to, [...trail, path]);
    done.add(path);
  };
  for (const path of sources) walk(path, []);
  return found;
}
