/** The page's style sheet: one column of text, wide figures and tables, two colour schemes, and print. */
import { type Colour, allColours } from '../charts/palette.js';
import { fontFamily } from '../charts/render.js';

const variables = (scheme: (colour: Colour) => string): string =>
  allColours.map((colour) => `${colour.variable}: ${scheme(colour)};`).join(' ');

const light = `color-scheme: light; ${variables((c) => c.light)} --band: #f4f6f9; --warn: #8a5200; --warn-band: #fff6e5;`;
const dark = `color-scheme: dark; ${variables((c) => c.dark)} --band: #1f242e; --warn: #f0c070; --warn-band: #2b2416;`;

export const styleSheet = `
:root { ${light} }
@media (prefers-color-scheme: dark) { :root { ${dark} } }
@media print { :root { ${light} } }
* { box-sizing: border-box; }
html { background: var(--paper); color: var(--ink); font: 16px/1.55 ${fontFamily}; -webkit-text-size-adjust: 100%; }
body { margin: 0 auto; max-width: 1200px; padding: 40px 32px 80px; }
h1 { font-size: 30px; line-height: 1.2; margin: 0 0 8px; letter-spacing: -.01em; }
h2 { font-size: 20px; margin: 48px 0 6px; padding-top: 14px; border-top: 1px solid var(--grid); }
h3 { font-size: 16px; margin: 26px 0 6px; }
p, figcaption, .note { max-width: 78ch; }
.lead { font-size: 17px; color: var(--muted); margin: 0 0 18px; white-space: pre-line; }
figcaption, .note { color: var(--muted); font-size: 14px; margin: 4px 0 14px; }
figure { margin: 12px 0 24px; overflow-x: auto; }
figure svg { display: block; max-width: 100%; height: auto; }
.table { overflow-x: auto; margin: 10px 0 8px; }
table { border-collapse: collapse; font-size: 13.5px; font-variant-numeric: tabular-nums; }
th, td { padding: 6px 16px 6px 0; text-align: right; vertical-align: baseline; border-bottom: 1px solid var(--grid); white-space: nowrap; }
thead th, thead th.text { font-weight: 600; vertical-align: bottom; border-bottom: 1.5px solid var(--muted); white-space: normal; }
th[scope=row], th.text, td.text { text-align: left; font-weight: 500; }
td.text { font-weight: 400; white-space: normal; }
td small { display: block; color: var(--muted); font-size: 11.5px; font-weight: 400; }
.best { font-weight: 700; }
.findings { margin: 18px 0 0; padding-left: 20px; max-width: 90ch; }
.table + .table { margin-top: 20px; }
tr.bound th, tr.bound td { color: var(--muted); font-style: italic; }
.key { display: inline-block; width: 10px; height: 10px; border-radius: 50%; margin-right: 8px; }
.warnings { background: var(--warn-band); border-left: 4px solid var(--warn); padding: 12px 18px; margin: 20px 0; }
.warnings h2 { border: 0; margin: 0 0 4px; padding: 0; font-size: 16px; color: var(--warn); }
.warnings ul { margin: 0; padding-left: 20px; }
.samples { width: 100%; table-layout: fixed; }
.samples td, .samples th { vertical-align: top; }
.samples th:first-child { width: 120px; }
.samples td.text { overflow-wrap: anywhere; }
blockquote { margin: 14px 0 8px; padding: 10px 16px; background: var(--band); border-radius: 6px; white-space: pre-wrap; overflow-wrap: anywhere; font-size: 14.5px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 6px 22px; font-size: 14.5px; }
dt { font-weight: 600; }
dd { margin: 0; max-width: 78ch; }
footer { margin-top: 56px; color: var(--muted); font-size: 14px; border-top: 1px solid var(--grid); padding-top: 12px; }
a { color: inherit; }
@media (max-width: 720px) { body { padding: 24px 16px 60px; } dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: 10px; } }
@media print { body { max-width: none; padding: 0; font-size: 11pt; } figure, table, .warnings, blockquote { break-inside: avoid; } h2, h3 { break-after: avoid; } .table { overflow: visible; } table { font-size: 9.5pt; } th, td { padding-right: 9px; } }
`;
