/** HTML that can't be injected into: whatever is put into a template is escaped, unless it is HTML already. */

/** Text that is HTML; made by `html`, `join` and `trusted` only. */
export class Html {
  readonly #text: string;
  constructor(text: string) {
    this.#text = text;
  }
  toString(): string {
    return this.#text;
  }
}

export type Child = Html | string | number | readonly Html[];

/** html`<td>${text}</td>`: escapes text and numbers, keeps HTML, joins lists. */
export function html(strings: TemplateStringsArray, ...children: readonly Child[]): Html {
  return new Html(strings.map((part, i) => (i === 0 ? '' : render(children[i - 1])) + part).join(''));
}

/** Markup of our own making, such as a chart or a style sheet. */
export function trusted(markup: string): Html {
  return new Html(markup);
}

export const nothing = new Html('');

function render(child: Child | undefined): string {
  if (child === undefined) return '';
  if (child instanceof Html) return child.toString();
  if (typeof child === 'object') return child.map(String).join('');
  return escape(String(child));
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Escapes for text and for quoted attributes; control characters that HTML forbids become U+FFFD. */
export function escape(text: string): string {
  return text
    .replace(/[&<>"']/g, (character) => entities[character] ?? character)
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g, '\ufffd');
}
