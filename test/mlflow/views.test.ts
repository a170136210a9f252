/** The views of an experiment, opened in a real browser on the server's own pages. */
import { existsSync } from 'node:fs';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { experimentPage, runPage } from '../../runner/track/mlflow/index.js';
import { viewKeys, viewPage } from '../../runner/track/shape/index.js';
import type { Shown } from '../../runner/contract.js';
import { Project } from '../cli/moft.js';
import { frontShown } from '../track/front-shown.js';
import { freshStore } from '../store/fixtures.js';
import { curve, newSender, RecordedRun, sendAll } from './recorded.js';
import { isReady, programs } from './server.js';
import { address, client } from './shared.js';

const executablePath = process.env.MOFT_TEST_CHROMIUM ?? '/usr/bin/chromium';
const hasChromium = existsSync(executablePath);
if (!hasChromium) console.warn(`SKIPPING the views of MLflow in a browser: there is no ${executablePath}`);

const shows = new Map([['test', (): Shown => frontShown]]);

/** A front with two points and a curve; answers the address of its experiment's page and of its run's. */
async function tracked(): Promise<{ readonly experiment: string; readonly run: string }> {
  const store = await freshStore();
  const run = new RecordedRun(store);
  onTestFinished(() => run.close());
  run.start('front/seed=1')(curve(60));
  await run.finish('front/seed=1');
  run.end();
  const sender = newSender(store, run.run, client(), { shows });
  expect(await sendAll(sender)).toEqual({ kind: 'complete' });
  expect(sender.hasViews).toBe(true);
  const { id = '', experiment = '' } = sender.sent.run ?? {};
  return {
    experiment: experimentPage(address, experiment),
    run: runPage(address, experiment, id),
  };
}

/** What stands for each sort of chart among the shapes of a page. */
const drawn = {
  scatter: '.scatterlayer .point',
  parallel: '.parcoords .dimension',
  curve: '.scatterlayer .js-line',
  bar: '.barlayer .point',
} as const;

const sees = (page: Page, shape: keyof typeof drawn): Promise<void> =>
  page.locator(drawn[shape]).first().waitFor({ state: 'attached', timeout: 60_000 });

describe.skipIf(!programs || !hasChromium)('in a browser', () => {
  let browser: Browser | undefined;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
    await isReady(address);
  });
  afterAll(() => browser?.close());

  const open = async (to: string): Promise<Page> => {
    const page = await browser?.newPage({ viewport: { width: 1440, height: 2400 } });
    if (!page) throw new Error('no browser');
    onTestFinished(() => page.close());
    await page.goto(to);
    return page;
  };

  it('each view draws its charts, and the page of a run begins with its verdict', async () => {
    const { experiment, run } = await tracked();
    const views = [
      [viewKeys.all, 'moft', ['scatter', 'parallel', 'curve', 'bar']],
      [viewKeys.front, 'moft: front', ['scatter', 'parallel']],
      [viewKeys.training, 'moft: training', ['curve', 'bar']],
    ] as const;
    for (const [key, name, shapes] of views) {
      const page = await open(viewPage(experiment, key));
      await page.getByRole('button', { name, exact: true }).waitFor({ timeout: 60_000 });
      for (const shape of shapes) await sees(page, shape);
      await page.close();
    }
    const page = await open(run);
    await page
      .getByText(frontShown.verdict ?? '', { exact: true })
      .first()
      .waitFor({ timeout: 60_000 });
    const project = new Project('name: p\n');
    onTestFinished(() => project.close());
    const { stdout } = await project.start(['ls', '--mlflow', 'recorded', '--track', address]).ended;
    for (const [key] of views) expect(stdout).toContain(`charts: ${key}  ${viewPage(experiment, key)}\n`);
  }, 240_000);
});
