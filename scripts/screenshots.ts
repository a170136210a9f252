/**
 * Takes the pictures of docs/mlflow.md in a real browser:
 *
 *     node dist/scripts/screenshots.js http://127.0.0.1:5000 quickstart docs/mlflow [NAMES]
 *
 * The server must hold a tracked run of the quickstart (`moft mlflow`, `moft run pipelines/quickstart.yaml`).
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import {
  createClient,
  experimentPage,
  readSettings,
  runPage,
  type Run,
} from '../runner/track/mlflow/index.js';
import { viewKeys, viewPage } from '../runner/track/shape/index.js';
import { indexedPng, type Pixels } from './indexed-png.js';

const executablePath = process.env.MOFT_TEST_CHROMIUM ?? '/usr/bin/chromium';

interface Picture {
  readonly name: string;
  readonly page: string;
  readonly height: number;
  /** Whether there is one, which the page draws later than all else. */
  readonly plot?: boolean;
}

async function pictures(address: string, name: string): Promise<readonly Picture[]> {
  const settings = readSettings(address, process.env);
  if (!settings.ok) throw new Error(settings.error.message);
  const client = createClient(settings.value);
  try {
    const experiment = await client.experimentNamed(name);
    if (!experiment.ok || !experiment.value) throw new Error(`no experiment ${name} at ${address}`);
    const { id } = experiment.value;
    const newest = async (filter: string): Promise<Run> => {
      const found = await client.runs({ experiments: [id], filter, limit: 1 });
      const run = found.ok ? found.value[0] : undefined;
      if (!run) throw new Error(`no run with ${filter}`);
      return run;
    };
    const run = await newest("tags.`moft.role` = 'run'");
    const cell = await newest("tags.`moft.kind` = 'front' AND tags.`moft.series` LIKE '%full%'");
    const filter = "tags.`moft.role` = 'point' AND tags.`moft.axis.seed` = '1'";
    const found = await client.runs({ experiments: [id], filter, limit: 40 });
    const points = found.ok ? found.value.map((one) => one.id) : [];
    return [
      { name: 'experiment', page: viewPage(experimentPage(address, id), viewKeys.all), height: 1250 },
      { name: 'run', page: runPage(address, id, run.id), height: 1000 },
      { name: 'cell', page: runPage(address, id, cell.id), height: 1000 },
      { name: 'front', page: viewPage(experimentPage(address, id), viewKeys.front), height: 900 },
      { name: 'training', page: viewPage(experimentPage(address, id), viewKeys.training), height: 900 },
      { name: 'compare', page: comparePage(address, id, points), height: 700, plot: true },
    ];
  } finally {
    await client.close();
  }
}

/** Where the server compares runs: params beside metrics. It reads `runs` where that comes first alone. */
function comparePage(address: string, experiment: string, runs: readonly string[]): string {
  const of = (ids: readonly string[]): string => encodeURIComponent(JSON.stringify(ids));
  return `${address}/#/compare-runs?runs=${of(runs)}&experiments=${of([experiment])}&workflowType=machine_learning`;
}

async function take(
  browser: Browser,
  { name, page: address, height, plot = false }: Picture,
  folder: string,
): Promise<void> {
  const page = await browser.newPage({ viewport: { width: 1440, height } });
  await page.goto(address);
  // The server's pages ask on and on, and draw some time after the last answer that counts.
  await page.waitForTimeout(10_000);
  await tidy(page);
  await page.waitForTimeout(2_000);
  if (plot) await page.locator('.js-plotly-plot').first().waitFor({ timeout: 120_000 });
  const png = await page.screenshot();
  writeFileSync(join(folder, `${name}.png`), indexedPng(await pixelsOf(page, png)));
  await page.close();
}

/** Decoded by the browser, which can. */
async function pixelsOf(page: Page, png: Buffer): Promise<Pixels> {
  const decoded = (await page.evaluate(`(async () => {
    const bytes = Uint8Array.from(atob('${png.toString('base64')}'), (letter) => letter.charCodeAt(0));
    const image = await createImageBitmap(new Blob([bytes]));
    const context = new OffscreenCanvas(image.width, image.height).getContext('2d');
    context.drawImage(image, 0, 0);
    const { data, width, height } = context.getImageData(0, 0, image.width, image.height);
    let text = '';
    for (let at = 0; at < data.length; at += 32768)
      text += String.fromCharCode(...data.subarray(at, at + 32768));
    return { width, height, base64: btoa(text) };
  })()`)) as { width: number; height: number; base64: string };
  return { ...decoded, rgba: Buffer.from(decoded.base64, 'base64') };
}

/** Closes what the server's own pages open beside the figures. */
async function tidy(page: Page): Promise<void> {
  const assistant = page.locator('[data-component-id="mlflow.assistant.chat_panel.close"]');
  if (await assistant.isVisible()) await assistant.click();
  const banner = page.getByText('Exit shared view').locator('xpath=../..').getByRole('button').last();
  if (await banner.isVisible()) await banner.click();
}

const [address = '', experiment = 'quickstart', folder = 'docs/mlflow', ...only] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
try {
  for (const picture of await pictures(address, experiment))
    if (only.length === 0 || only.includes(picture.name)) await take(browser, picture, folder);
} finally {
  await browser.close();
}
