/** A placed graph as one SVG that needs nothing else and follows the reader's light or dark screen. */
import { dark, light, type Palette } from './colours.js';
import { glyph, type Placed, type PlacedEdge, type PlacedNode, type Point } from './layout.js';
import { nodeStatuses, type NodeStatus } from './model.js';

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
export const escaped = (text: string): string => text.replace(/[&<>"]/g, (found) => escapes[found] ?? '');

const round = (value: number): string => String(Math.round(value * 10) / 10);

const variables = (palette: Palette): string =>
  [
    ...(['text', 'muted', 'line', 'paper'] as const).map((name) => `--${name}:${palette[name]}`),
    ...(['plain', ...nodeStatuses] as const).flatMap((name) => [
      `--${name}-fill:${palette[name].fill}`,
      `--${name}-line:${palette[name].stroke}`,
    ]),
  ].join(';');

/** Rules of the picture; names begin with `moft-`, so that they meet no others on a page. */
const style = (): string => `
.moft-graph{${variables(light)};font-family:system-ui,-apple-system,"Segoe UI","Helvetica Neue",Arial,sans-serif}
@media (prefers-color-scheme:dark){.moft-graph{${variables(dark)}}}
.moft-paper{fill:var(--paper)}
.moft-node rect{stroke-width:1.4}
${['plain', ...nodeStatuses].map((name) => `.moft-${name} rect{fill:var(--${name}-fill);stroke:var(--${name}-line)}`).join('\n')}
.moft-title{font-size:13px;font-weight:600;fill:var(--text)}
.moft-small{font-size:11px;fill:var(--muted)}
.moft-times{font-weight:400;fill:var(--muted)}
.moft-edge path{fill:none;stroke:var(--line);stroke-width:1.4}
.moft-edge.moft-waits path{stroke-dasharray:4 3}
.moft-edge text{font-size:11px;fill:var(--muted);paint-order:stroke;stroke:var(--paper);stroke-width:5px;stroke-linejoin:round}
.moft-arrow{fill:var(--line)}`;

export function toSvg(placed: Placed): string {
  const statuses = nodeStatuses.filter((status) => placed.nodes.some((node) => node.status === status));
  const legend = statuses.length > 0 ? 34 : 0;
  const width = Math.max(placed.width, legendWidth(statuses));
  const height = placed.height + legend;
  const size = `width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" class="moft-graph" ${size} role="img">`,
    `<title>${escaped(placed.name)}: stages and what they read</title>`,
    `<style>${style()}</style>`,
    '<defs><marker id="moft-head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto"><path class="moft-arrow" d="M0 0.5 L10 5 L0 9.5 Z"/></marker></defs>',
    `<rect class="moft-paper" width="${width}" height="${height}"/>`,
    `<g transform="translate(${round((width - placed.width) / 2)} 0)">`,
    ...placed.edges.map(edgeSvg),
    ...placed.nodes.map(nodeSvg),
    '</g>',
    ...legendSvg(statuses, placed.height),
    '</svg>',
    '',
  ].join('\n');
}

/** The name in bold, what its axes multiply to in plain type. */
function titleSpans(title: string): string {
  const at = title.search(/ (x\d+ \(|= |\+ )/);
  if (at < 0) return escaped(title);
  const times = escaped(title.slice(at + 1)).replace(/(^| )x(\d)/g, '$1\u00d7$2');
  return `${escaped(title.slice(0, at))} <tspan class="moft-times">${times}</tspan>`;
}

function nodeSvg({ title, kind, counts, status, box }: PlacedNode): string {
  const { x, y, width, height } = box;
  const top = y - height / 2;
  const text = (line: string, className: string, at: number): string =>
    `<text class="${className}" x="${round(x)}" y="${round(at)}" text-anchor="middle">${line}</text>`;
  return [
    `<g class="moft-node moft-${status ?? 'plain'}">`,
    `<rect x="${round(x - width / 2)}" y="${round(top)}" width="${round(width)}" height="${round(height)}" rx="7"/>`,
    text(titleSpans(title), 'moft-title', top + 21),
    text(escaped(kind), 'moft-small', top + 37),
    ...(counts === undefined ? [] : [text(escaped(counts), 'moft-small', top + 53)]),
    '</g>',
  ].join('');
}

function edgeSvg({ points, label, at, waits }: PlacedEdge): string {
  const text =
    label === undefined || !at
      ? ''
      : `<text x="${round(at.x)}" y="${round(at.y + 4)}" text-anchor="middle">${escaped(label)}</text>`;
  const classes = `moft-edge${waits ? ' moft-waits' : ''}`;
  return `<g class="${classes}"><path d="${curve(points)}" marker-end="url(#moft-head)"/>${text}</g>`;
}

/** Through the middles of the segments, with the given points as handles: no corner, and no overshoot. */
function curve(points: readonly Point[]): string {
  const [first, ...rest] = points;
  const last = rest.at(-1);
  if (!first || !last) return '';
  const at = ({ x, y }: Point): string => `${round(x)} ${round(y)}`;
  const parts = rest.slice(0, -1).map((point, index) => {
    const next = rest[index + 1] ?? last;
    const end = index === rest.length - 2 ? last : { x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 };
    return `Q${at(point)} ${at(end)}`;
  });
  return parts.length === 0 ? `M${at(first)} L${at(last)}` : `M${at(first)} ${parts.join(' ')}`;
}

const legendText: Readonly<Record<NodeStatus, string>> = {
  hit: 'in the store',
  run: 'runs',
  depends: 'depends on what runs',
  mixed: 'partly in the store',
};

const legendStep = (status: NodeStatus): number => legendText[status].length * glyph.small + 34;

const legendWidth = (statuses: readonly NodeStatus[]): number =>
  Math.ceil(statuses.reduce((sum, status) => sum + legendStep(status), 32));

function legendSvg(statuses: readonly NodeStatus[], top: number): readonly string[] {
  let x = 16;
  return statuses.map((status) => {
    const left = x;
    x += legendStep(status);
    const mark = `<rect x="${left}" y="${top + 4}" width="14" height="14" rx="3"/>`;
    const text = `<text class="moft-small" x="${left + 20}" y="${top + 15}">${legendText[status]}</text>`;
    return `<g class="moft-node moft-${status}">${mark}${text}</g>`;
  });
}

/** A page around the picture, which needs no other file. */
export function toHtml(placed: Placed): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>${escaped(placed.name)}</title>
<style>
body{margin:0;padding:24px;background:${light.paper};text-align:center}
@media (prefers-color-scheme:dark){body{background:${dark.paper}}}
svg{max-width:100%;height:auto}
</style>
${toSvg(placed)}</html>
`;
}
