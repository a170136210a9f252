/** What is chosen by name counts for the cells that name it alone: found in the compiled text, on the real kinds too. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kinds } from '../../cli/kinds.js';
import type { CodeManifest } from '../../runner/plan/code-manifest.js';
import { loadCode, type CodeDigest } from '../../runner/plan/index.js';
import { conditioningNames } from '../../schemas/conditionings.js';
import type { JsonObject } from '../../schemas/json.js';
import { listModule } from '../../scripts/code-manifest.js';
import { builtInRewards } from '../../stages/rewards/names.js';
import { valueOf } from '../store/fixtures.js';

type Edits = Readonly<Record<string, (text: string) => string>>;

const root = path.resolve(import.meta.dirname, '../..');

const entry = (text: string, name = 'stages/rewards/index.js') => listModule(name, text).entry;

describe('a table of modules', () => {
  const using = "import { byName } from '../by-name.js';";
  const table = "const known = { a: () => import('./a.js'), 'b-c': () => import('./b.js') };";
  const use = 'export const load = (name) => byName(known, name, () => new Error(name));';

  it('is found with what each name loads, announced or not, and apart from the rest of its module', () => {
    const plain = entry(using + table + use).table;
    expect(plain?.entries).toEqual({ a: 'stages/rewards/a.js', 'b-c': 'stages/rewards/b.js' });
    const announced = table.replace("import('./a.js')", "(globalThis.moftLoads?.add('x'), import('./a.js'))");
    expect(entry(using + announced + use).table).toEqual(plain);
    const more = table.replace('{ a:', "{ z: () => import('./z.js'), a:");
    expect(entry(using + more + use).table?.rest).toBe(plain?.rest);
    expect(entry(`${using}${table}${use} load;`).table?.rest).not.toBe(plain?.rest);
  });

  it.each([
    ['has an entry of another form', using + table.replace('{ a:', '{ n: 1, a:') + use],
    ['has an entry that does more', using + table.replace('() => import', '() => go() && import') + use],
    ['has an entry that is taken from elsewhere', using + table.replace('{ a:', '{ ...other, a:') + use],
    ['is exported', using + 'export ' + table + use],
    ['is listed', using + table + use + 'export const names = Object.keys(known);'],
    ['is handed on otherwise', using + table + use + 'export const found = lookUp(known, "a");'],
    ['is looked up by a function of another module', using.replace('../by-name', './by-name') + table + use],
    ['is looked up by a function of that name', using + table + 'const f = (byName) => byName(known, "a");'],
    ['stands beside another one', using + table + table.replace('known', 'others') + use],
  ])('counts whole where it %s', (_, text) => {
    expect(entry(text).table).toBeUndefined();
  });
});

describe('a declaration that hands its job on', () => {
  const recipe = 'stages/kinds/toy.run.js';
  const using = "import { defineKind } from '../../runner/contract.js';";
  const found = (run: string, rest = '', imports = using): string | undefined =>
    entry(`${imports} export default defineKind({ ...parts, run: ${run}, ${rest} });`, 'stages/kinds/toy.js')
      .recipe;

  it.each([
    "async (job, emit, signal) => (await import('./toy.run.js')).run(job, emit, signal)",
    "async (job, emit, signal, { checkpoints }) => (await import('./toy.run.js')).run(job, { emit, signal, checkpoints })",
  ])('counts by its recipe: %s', (run) => expect(found(run)).toBe(recipe));

  it.each([
    ["async (job, emit) => (await import('./toy.run.js')).run({ ...job, with: {} }, emit)", ''],
    ["async (job, emit) => (await import('./toy.run.js')).run(job, emit, steps)", ''],
    ["async (job, emit) => (await import('./toy.run.js')).run(emit, job)", ''],
    ["async (job, emit = other) => (await import('./toy.run.js')).run(job, emit)", ''],
    ["async (job, { steps: emit }) => (await import('./toy.run.js')).run(job, emit)", ''],
    ["async (job) => (await import('./other.run.js')).run(job)", ''],
    ["async (job) => (await import('./toy.run.js')).walk(job)", ''],
    ["async (job) => { job.seed = 1; return (await import('./toy.run.js')).run(job); }", ''],
    ["async (job) => (await import('./toy.run.js')).run(job)", '...base,'],
    ["async (job) => (await import('./toy.run.js')).run(job)", "['run']: other,"],
  ])('counts itself where it does more: %s %s', (run, rest) => expect(found(run, rest)).toBeUndefined());

  it('counts itself where another function makes the kind of it', () => {
    const run = "async (job) => (await import('./toy.run.js')).run(job)";
    expect(found(run)).toBe(recipe);
    expect(found(run, '', '')).toBeUndefined();
    expect(found(run, '', using.replace('contract', 'other'))).toBeUndefined();
  });
});

describe('the code of the kinds', () => {
  let copy: string;
  let manifest: CodeManifest;
  let before: Record<string, CodeDigest>;

  beforeAll(() => {
    copy = fs.mkdtempSync(path.join(os.tmpdir(), 'moft-kinds-'));
    for (const folder of ['dist/stages', 'dist/schemas', 'dist/runner'])
      fs.cpSync(path.join(root, folder), path.join(copy, folder), { recursive: true });
    for (const file of ['package.json', 'package-lock.json', 'node_modules/.package-lock.json'])
      fs.cpSync(path.join(root, file), path.join(copy, file));
    manifest = JSON.parse(fs.readFileSync(path.join(root, 'dist/code.json'), 'utf8')) as CodeManifest;
    before = digests();
  });
  afterAll(() => fs.rmSync(copy, { recursive: true, force: true }));

  /** Values of a training that goes on from the end of a shorter one. */
  const goingOn = { schedule: 'constant', alpha_schedule: 'constant' };

  /** Digests after edits of compiled modules, which are taken back. */
  function digests(edits: Edits = {}): Record<string, CodeDigest> {
    const modules = { ...manifest.modules };
    const undo = Object.entries(edits).map(([name, edit]) => {
      const file = path.join(copy, 'dist', name);
      const text = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : undefined;
      const edited = edit(text ?? '');
      expect(edited, name).not.toBe(text);
      fs.writeFileSync(file, edited);
      modules[name] = listModule(name, edited).entry;
      return { file, text };
    });
    fs.writeFileSync(path.join(copy, 'dist/code.json'), JSON.stringify({ ...manifest, modules }));
    const code = valueOf(loadCode(copy));
    const of = (name: string, values: JsonObject = {}): CodeDigest => {
      const kind = kinds.get(name);
      if (!kind) throw new Error(`there is no kind ${name}`);
      return valueOf(code.of(kind, values));
    };
    const rewards = ['nli', 'brevity'];
    const found = Object.fromEntries([
      ...conditioningNames.map((conditioning) => [
        `clp ${conditioning}`,
        of('clp', { rewards, conditioning }),
      ]),
      ...builtInRewards.map((reward) => [`soft ${reward}`, of('soft', { rewards: reward })]),
      ['clp of the world', of('clp', { rewards: ['nli', 'rouge', 'tldr'], conditioning: 'full' })],
      ['soft of the world', of('soft', { rewards: 'nli' })],
      ['soft going on', of('soft', { rewards: 'brevity', ...goingOn })],
      ['sft going on', of('sft', goingOn)],
      ...['data/news', 'sft', 'rewarded-soup', 'front', 'report', 'shell'].map((name) => [name, of(name)]),
    ]) as Record<string, CodeDigest>;
    for (const { file, text } of undo) {
      if (text !== undefined) fs.writeFileSync(file, text);
      else fs.rmSync(file);
    }
    return found;
  }

  function changed(edits: Edits): string[] {
    const after = digests(edits);
    return Object.keys(before).filter((name) => before[name]?.digest !== after[name]?.digest);
  }

  const more = (text: string): string => `${text}\nglobalThis.more = 1;\n`;

  it.each(conditioningNames)('counts the conditioning %s for the cells that have it alone', (name) => {
    expect(changed({ [`stages/policy/conditioning/${name}.js`]: more })).toEqual([
      `clp ${name}`,
      ...(name === 'full' ? ['clp of the world'] : []),
    ]);
  });

  it('is the same after a conditioning came: its file, its lines in the tables, its names and its settings', () => {
    expect(
      changed({
        'stages/policy/conditioning/gates.js': () => 'export const conditioning = {};',
        'stages/policy/conditioning/index.js': (text) =>
          text.replace('full: ()', "gates: () => import('./gates.js'),\n    full: ()"),
        'schemas/conditionings.js': (text) => text.replace("'full',", "'full', 'gates',"),
        'stages/policy/options.js': more,
        'stages/kinds/clp.js': more,
      }),
    ).toEqual([]);
  });

  it('is the same after a reward came, but of fronts, which may be asked for any', () => {
    const edits: Edits = {
      'stages/rewards/kindness.js': () => 'export const reward = {};',
      'stages/rewards/index.js': (text) =>
        text.replace('brevity: ()', "kindness: () => import('./kindness.js'),\n    brevity: ()"),
      'stages/rewards/names.js': more,
    };
    // Its names as this process knows them are those of before, so that fronts do not name the new one yet.
    expect(changed(edits)).toEqual([]);
    expect(changed({ 'stages/rewards/brevity.js': more })).toEqual([
      ...conditioningNames.map((name) => `clp ${name}`),
      'soft brevity',
      'soft going on',
      'front',
    ]);
  });

  it('counts no world for rewards of the text, and no such reward for those of a world', () => {
    const ofWorld = [
      ...conditioningNames.map((name) => `clp ${name}`),
      'clp of the world',
      'soft of the world',
    ];
    expect(changed({ 'stages/worlds/news/world.js': more })).toEqual([...ofWorld, 'front']);
    const faithfulness = changed({ 'stages/rewards/faithfulness.js': more });
    expect(faithfulness).toEqual(['soft faithfulness', 'front']);
  });

  it('counts what decides from where a training goes on, for those that go on from others alone', () => {
    expect(changed({ 'stages/training-extent.js': more })).toEqual(['soft going on', 'sft going on']);
  });

  it('has no kind that goes on from others and counts nothing of what decides it', () => {
    const values = { ...goingOn, rewards: ['nli', 'brevity'], conditioning: 'full' };
    const silent = [...kinds.values()].filter(
      (kind) =>
        kind.extent?.(values) !== undefined && !kind.modules?.(values).includes('stages/training-extent'),
    );
    expect(silent.map(({ name }) => name)).toEqual([]);
    expect([...kinds.values()].filter((kind) => kind.extent?.(values) !== undefined)).toHaveLength(3);
  });

  it('counts what a table does beside its entries, the look-up itself, and what a recipe reads', () => {
    const clp = conditioningNames.map((name) => `clp ${name}`);
    const soft = builtInRewards.map((name) => `soft ${name}`);
    const all = [...clp, ...soft, 'clp of the world', 'soft of the world', 'soft going on', 'front'];
    expect(changed({ 'stages/policy/conditioning/index.js': more })).toEqual([...clp, 'clp of the world']);
    expect(changed({ 'stages/by-name.js': more })).toEqual(all);
    expect(changed({ 'stages/policy/settings.js': more })).toEqual(all);
    expect(changed({ 'stages/kinds/clp.run.js': more })).toEqual([...clp, 'clp of the world']);
  });

  it('tells of a declaration that changed in mid-run, and of no other', () => {
    digests();
    const code = valueOf(loadCode(copy));
    const [clp, soft] = ['clp', 'soft'].map((name) => path.join(copy, `dist/stages/kinds/${name}.js`));
    fs.appendFileSync(clp ?? '', '\n');
    fs.appendFileSync(soft ?? '', '\n');
    expect(code.changed(before['clp full']?.listing ?? { modules: {}, packages: {} })).toEqual([clp]);
  });

  it('counts all of the declarations that hand nothing on, and none else', () => {
    const listed = Object.values(before).flatMap(({ listing }) => Object.keys(listing.modules));
    const declared = listed.filter((name) => name.startsWith('stages/kinds/') && !name.endsWith('.run.js'));
    expect(declared).toEqual([]);
  });
});
