/**
 * A file of the project that is edited at any moment of a run of built-in kinds, also while it is copied: what is served
 * later is what its content gives. (test/shell/edits.test.ts does the same to commands, copied and in place.)
 */
import fs from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { Random } from '../../stages/random.js';
import { cleanRun, expectRight, Lab, type Clean } from './lab.js';

const timings = 100;

const pipeline = `
name: edits
stages:
  rows: {uses: data/jsonl, with: {train: rows.jsonl}}
  bytes: {uses: test/copy, with: {data: rows.jsonl}}
  after: {uses: test/sum, with: {value: 2, numbers: $bytes(*).sum}}
`;

/** Over a mebibyte, so that it is copied in several chunks. */
const rows = (word: string): string =>
  Array.from(
    { length: 40 },
    (_, i) => `${JSON.stringify({ prompt: `${word} ${i}`, response: word.repeat(9000) })}\n`,
  ).join('');
const old = rows('old');
const fresh = rows('new');

let clean: { readonly old: Clean; readonly fresh: Clean };
beforeAll(async () => {
  clean = {
    old: await cleanRun(pipeline, { 'rows.jsonl': old }),
    fresh: await cleanRun(pipeline, { 'rows.jsonl': fresh }),
  };
});

/** How programs write: over the file, beside it and then in its place, in halves, or only its end. */
const writers: readonly ((file: string) => void)[] = [
  (file) => fs.writeFileSync(file, fresh),
  (file) => {
    fs.writeFileSync(`${file}.new`, fresh);
    fs.renameSync(`${file}.new`, file);
  },
  (file) => fs.writeFileSync(file, fresh.slice(0, fresh.length / 2)),
  (file) => {
    const { atime, mtime } = fs.statSync(file);
    fs.writeFileSync(file, fresh);
    fs.utimesSync(file, atime, mtime);
  },
];

it('is a notice where it happens after the copy, and none where the file is only touched', async () => {
  for (const [content, notices] of [
    [fresh, ['bytes', 'rows']],
    [old, []],
  ] as const) {
    const lab = new Lab(pipeline, { 'rows.jsonl': old });
    let copied = false;
    const outcome = await lab.run({
      hook: ({ path }) => {
        if (copied || !path.endsWith('job.json')) return;
        copied = true;
        fs.writeFileSync(join(lab.folder, 'rows.jsonl'), content);
      },
    });
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    const told = outcome.events.flatMap((event) =>
      event.type === 'run-note' && event.text.startsWith('edited after it was copied (') ? [event.cell] : [],
    );
    expect(told.sort()).toEqual(notices);
    expect(await lab.results(outcome)).toEqual(clean.old.results);
    lab.remove();
  }
});

it(`makes no wrong hit in ${timings} random timings`, { timeout: 1_200_000 }, async () => {
  expect(Buffer.byteLength(old)).toBe(Buffer.byteLength(fresh));
  expect(old.length).toBeGreaterThan(1 << 20);
  const none: ReadonlySet<string> = new Set();
  for (let seed = 0; seed < timings; seed += 1) {
    const random = new Random(seed, 'edits');
    const lab = new Lab(pipeline, { 'rows.jsonl': old });
    const file = join(lab.folder, 'rows.jsonl');
    const write = writers[random.integer(writers.length)] ?? fs.unlinkSync;
    const at = 1 + random.integer(clean.old.writes);
    let writes = 0;
    const disturbed = await lab.run({
      hook: () => {
        writes += 1;
        if (writes === at) write(file);
      },
    });
    // Half a file may be no rows at all: then the stage says so.
    expect([0, 1]).toContain(disturbed.code);
    expect(disturbed.stderr).not.toMatch(/internal error/);
    fs.writeFileSync(file, fresh);
    try {
      await expectRight(lab, await lab.run(), { clean: clean.fresh, finished: none });
      fs.writeFileSync(file, old);
      await expectRight(lab, await lab.run(), { clean: clean.old, finished: none });
    } catch (error) {
      throw new Error(`seed ${seed}: edited before write ${at}`, { cause: error });
    }
    lab.remove();
  }
});
