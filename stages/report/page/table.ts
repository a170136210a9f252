/** The markup of every table: a head, rows, and a box that scrolls where a table is wider than the page. */
import { type Html, html } from './html.js';

const textColumns = new Set([
  ...['curve', 'difference', 'method', 'measure', 'verdict', 'seeds', 'variant', 'compared with'],
]);

export interface TableOptions {
  readonly className?: string;
  /** Every column holds text, whatever its head says. */
  readonly allText?: boolean;
}

export function table(
  heads: readonly string[],
  rows: readonly Html[],
  { className = '', allText = false }: TableOptions = {},
): Html {
  const columns = heads.map((text) =>
    allText || textColumns.has(text)
      ? html`<th scope="col" class="text">${text}</th>`
      : html`<th scope="col">${text}</th>`,
  );
  return html`<div class="table">
    <table class="${className}">
      <thead>
        <tr>
          ${columns}
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </div>`;
}
