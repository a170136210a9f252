/** Vega-Lite to SVG text: no canvas, no network, no clock, no randomness; the same bytes for the same figures. */
import { Warn, View, logger, parse } from 'vega';
import { type TopLevelSpec, compile } from 'vega-lite';
import { grid, ink, muted, paper } from './palette.js';

export const fontFamily = 'system-ui, -apple-system, "Segoe UI", Roboto, Helvetica, Arial, sans-serif';

const config: TopLevelSpec['config'] = {
  font: fontFamily,
  background: paper.light,
  view: { stroke: null },
  axis: {
    domainColor: muted.light,
    tickColor: muted.light,
    gridColor: grid.light,
    labelColor: muted.light,
    titleColor: ink.light,
    labelFontSize: 12,
    titleFontSize: 13,
    titleFontWeight: 500,
    titlePadding: 10,
    labelOverlap: true,
    tickCount: 6,
  },
  legend: {
    labelColor: ink.light,
    labelFontSize: 13,
    title: null,
    labelLimit: 260,
    symbolSize: 90,
    rowPadding: 5,
  },
  title: { color: ink.light, fontSize: 13, fontWeight: 500 },
};

/** Draws a specification; `label` is what a screen reader says instead of the picture. */
export async function render(spec: TopLevelSpec, label: string): Promise<string> {
  const compiled = compile({ ...spec, config, padding: 6 } as TopLevelSpec, { logger: quiet() });
  const view = new View(parse(compiled.spec), { renderer: 'none', loader: noLoader, logger: quiet() });
  try {
    return titled(await view.toSVG(), label);
  } finally {
    view.finalize();
  }
}

/** Only our own data is drawn: whatever asks for a file or an address is a mistake. */
const noLoader = {
  load: refuse,
  sanitize: refuse,
  http: refuse,
  file: refuse,
};

function refuse(): Promise<never> {
  return Promise.reject(new Error('internal error: a chart asked for outside data; please report it'));
}

function quiet() {
  return logger(Warn);
}

function titled(svg: string, label: string): string {
  return svg.replace('<svg ', `<svg role="img" aria-label="${escapeAttribute(label)}" `);
}

function escapeAttribute(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
