// Prints the figures of a report as rows of a LaTeX table: node pipelines/table.mjs REPORT/summary.json [measure ...]
// Without measures the main ones of the report, where any curve has them. Means over seeds, from three seeds on with the
// 95% interval; -- is what does not apply.
import { readFileSync } from 'node:fs';

const [file, ...asked] = process.argv.slice(2);
const { slices, measures } = JSON.parse(readFileSync(file, 'utf8'));
const names = measures.map(({ id }) => id);
const unknown = asked.filter((name) => !names.includes(name));
if (unknown.length > 0) throw new Error(`no measure ${unknown.join(', ')}; there are ${names.join(', ')}`);
const shown = measures.filter(({ id, group }) => (asked.length > 0 ? asked.includes(id) : group === 'main'));

function figure({ mean, low, high }, digits) {
  if (mean === null) return '--';
  const [middle, least, most] = [mean, low, high].map((x) => x?.toFixed(digits).replace(/^-(?=0\.?0*$)/, ''));
  return low === null ? middle : `${middle} (${least}, ${most})`;
}

const row = (cells) => console.log(`${cells.join(' & ').replaceAll(/[_%#]/g, '\\$&')} \\\\`);

for (const { alpha, curves, variants } of slices) {
  const all = [...curves, ...variants];
  const known = ({ id }) => asked.length > 0 || all.some(({ figures }) => figures[id].mean !== null);
  const columns = shown.filter(known);
  console.log(`% alpha ${alpha}`);
  row(['', ...columns.map(({ title }) => title)]);
  for (const { name, figures } of all)
    row([name, ...columns.map(({ id, digits }) => figure(figures[id], digits))]);
}
