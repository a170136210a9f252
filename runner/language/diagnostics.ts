import { byCodeUnit } from '../../schemas/json.js';
import type { Diagnostic, Fix, Place } from '../pipeline.js';
import { Editor, partOf, writing } from './edits.js';
import { isCommandLine } from './format-diagnostic.js';
import { listed, type Located } from './nodes.js';
import type { Source } from './options.js';

export interface Finding {
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
  /** What is wrong of the scalar that it is reported at: a part of its text. */
  readonly part?: { readonly text: string; readonly from: number; readonly length: number } | undefined;
  /** YAML that is right where it is reported: the likeliest fix. */
  readonly instead?: string | undefined;
  /** YAML that may as well be meant there: then only the writer can choose. */
  readonly or?: string | undefined;
  /** Further fixes, the likeliest first; those that can't be made (undefined) are left out. */
  readonly fixes?: readonly (Fix | undefined)[];
  readonly related?: readonly (Place & { readonly message: string })[];
  readonly severity?: Diagnostic['severity'];
}

type Related = NonNullable<Diagnostic['related']>[number];

/** Where errors are reported. */
export interface Reporter {
  /** Makes the edits of fixes. */
  readonly edit: Editor;
  /** Reports at a node (its uses become related places) or at a bare place. Returns a handle for `blocks`. */
  report(at: Located | Place, finding: Finding): string;
  /** Says at an error what could not be checked because of it. */
  blocks(id: string, what: string): void;
}

/** For a look at what is left out on purpose: nothing that is wrong there counts. */
export const silent = ({ edit }: Reporter): Reporter => ({
  edit,
  report: () => '',
  blocks: () => undefined,
});

/** Says nothing of what could not be checked: that was said, or will be. */
export const withoutNotes = (reporter: Reporter): Reporter => ({
  edit: reporter.edit,
  report: reporter.report.bind(reporter),
  blocks: () => undefined,
});

const placeOf = (at: Located | Place, { part }: Finding): Place => {
  const whole = 'place' in at ? at.place : at;
  return part === undefined ? whole : partOf(whole, part.text, part.from, part.length);
};
const idOf = ({ file, line, column }: Place, { code, message }: Finding): string =>
  JSON.stringify([code, file, line, column, message]);

/** Gathers the errors and warnings of a file. The same mistake found twice is one error with every use of it. */
export class Diagnostics implements Reporter {
  readonly #found = new Map<string, Diagnostic>();
  readonly #notes = new Map<string, Set<string>>();
  #warned = 0;
  readonly edit: Editor;

  constructor(private readonly source: Source) {
    this.edit = new Editor(source);
  }

  /** Of errors. */
  get count(): number {
    return this.#found.size - this.#warned;
  }

  /** Whether this was found before. */
  knows(at: Located | Place, finding: Finding): boolean {
    return this.#found.has(idOf(placeOf(at, finding), finding));
  }

  report(at: Located | Place, finding: Finding): string {
    const place = placeOf(at, finding);
    const { instead, or } = finding;
    const uses = 'place' in at ? at.uses : [];
    const id = idOf(place, finding);
    const before = this.#found.get(id);
    const hint = finding.hint ?? before?.hint;
    const written = [instead, or].flatMap((text) => (text === undefined ? [] : [writing(place, text)]));
    const fixes = [...written, ...(finding.fixes ?? [])].filter((fix) => this.#canApply(fix));
    const related = merge(before?.related ?? [], [
      ...(finding.related ?? []),
      ...uses.map((use) => ({ ...use, message: 'used here' })),
    ]);
    if (finding.severity === 'warning' && before === undefined) this.#warned += 1;
    this.#found.set(id, {
      ...place,
      ...(finding.severity === undefined ? {} : { severity: finding.severity }),
      code: finding.code,
      message: finding.message,
      ...(hint === undefined ? {} : { hint }),
      ...(fixes.length === 0 ? {} : { fixes }),
      ...(related.length === 0 ? {} : { related }),
    });
    return id;
  }

  /** Of this file, and with a change: a repair can lead to the text that stands there. */
  #canApply(fix: Fix | undefined): fix is Fix {
    if (!fix?.edits.every(({ place }) => place.file === this.source.file)) return false;
    return fix.edits.some(({ place, text }) => this.edit.textOf(place) !== text);
  }

  blocks(id: string, what: string): void {
    const notes = this.#notes.get(id) ?? new Set<string>();
    this.#notes.set(id, notes.add(what));
  }

  /** All errors, or all warnings: the command line's first, then in the order of the file. */
  sorted(severity?: Diagnostic['severity']): readonly Diagnostic[] {
    return [...this.#found]
      .filter(([, one]) => one.severity === severity)
      .map(([id, diagnostic]) => this.#withNotes(id, diagnostic))
      .sort(
        (a, b) =>
          Number(isCommandLine(b.file)) - Number(isCommandLine(a.file)) ||
          byCodeUnit(a.file, b.file) ||
          a.line - b.line ||
          a.column - b.column ||
          byCodeUnit(a.code, b.code) ||
          byCodeUnit(a.message, b.message),
      );
  }

  #withNotes(id: string, diagnostic: Diagnostic): Diagnostic {
    const notes = [...(this.#notes.get(id) ?? [])].sort(byCodeUnit);
    if (notes.length === 0) return diagnostic;
    const blocked = `${listed(notes)} ${notes.length === 1 ? 'is' : 'are'} checked in full once this is mended`;
    return {
      ...diagnostic,
      hint: diagnostic.hint === undefined ? blocked : `${diagnostic.hint} (${blocked})`,
    };
  }
}

const keyOf = (related: Related): string =>
  JSON.stringify([related.file, related.line, related.column, related.message]);

function merge(before: readonly Related[], after: readonly Related[]): readonly Related[] {
  return [...new Map([...before, ...after].map((related) => [keyOf(related), related])).values()];
}
