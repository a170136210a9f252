import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ablatedCurves, threeCurves } from './fixtures.js';
import { type Made, makeReport } from './make.js';

const executablePath = process.env.MOFT_TEST_CHROMIUM ?? '/usr/bin/chromium';
const present = existsSync(executablePath);
if (!present)
  console.warn(`SKIPPED: no Chromium at ${executablePath}; the report was not opened in a browser`);

const quiet = ['--no-sandbox', '--disable-gpu', '--disable-background-networking'];
const offline = ['--disable-component-update', '--disable-sync'];

describe.skipIf(!present)('the page in a browser', () => {
  let browser: Browser;
  let made: Made;
  let ablated: Made;
  beforeAll(async () => {
    made = await makeReport(threeCurves([0, 1]));
    ablated = await makeReport(ablatedCurves([0, 1, 2]));
    browser = await chromium.launch({ executablePath, args: [...quiet, ...offline] });
  });
  afterAll(() => browser.close());

  it.each([
    { colorScheme: 'light', fronts: 'three curves' },
    { colorScheme: 'dark', fronts: 'three curves' },
    { colorScheme: 'light', fronts: 'ablations' },
    { colorScheme: 'dark', fronts: 'ablations' },
  ] as const)('opens alone and fits 1280 pixels, $colorScheme, $fronts', async ({ colorScheme, fronts }) => {
    const { folder } = fronts === 'ablations' ? ablated : made;
    const tab = await browser.newPage({ viewport: { width: 1280, height: 900 }, colorScheme });
    const requests: string[] = [];
    const complaints: string[] = [];
    tab.on('request', (request) => requests.push(request.url()));
    tab.on('console', (message) => complaints.push(message.text()));
    tab.on('pageerror', (error) => complaints.push(error.message));
    await tab.goto(`file://${folder}/index.html`);
    expect(requests.filter((url) => !url.startsWith('data:'))).toEqual([`file://${folder}/index.html`]);
    expect(complaints).toEqual([]);
    expect(await tab.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(1280);
    const overflowing = await tab.evaluate(
      () =>
        [...document.querySelectorAll('.table')].filter((box) => box.scrollWidth > box.clientWidth).length,
    );
    expect(overflowing).toBe(0);
    await tab.close();
  });

  it('draws every chart with ink that differs from the paper in both schemes', async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      const tab = await browser.newPage({ colorScheme });
      await tab.goto(`file://${ablated.folder}/index.html`);
      const inks = await tab.evaluate(() =>
        [...document.querySelectorAll('svg text')].map((text) => getComputedStyle(text).fill),
      );
      const paper = await tab.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
      expect(inks.length).toBeGreaterThan(20);
      expect(inks).not.toContain(paper);
      expect(inks).not.toContain('none');
      await tab.close();
    }
  });
});
