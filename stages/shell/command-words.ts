/** Which programs a script starts, as far as its text tells. Nothing is run, and no variable is looked up. */

/** Words that stand before a command without being one. */
const before = new Set([
  'then',
  'do',
  'else',
  'elif',
  'if',
  'while',
  'until',
  '!',
  'exec',
  'command',
  'nohup',
  'time',
  'env',
]);

/** What stands in quotes, and what stands behind a `#`: whichever begins first, for each may hold the others' signs. */
const quotedOrRemarked = /\\[^]|'[^']*'|"(?:\\[^]|[^"\\])*"|(?<=^|[\s;&|(])#[^\n]*/g;

/** Blanks what stands in quotes, but for commands in `$(...)` there, behind `#` and in here-documents. */
function withoutText(script: string): string {
  return script
    .replace(/<<-?\s*(['"]?)(\w+)\1[^\n]*\n[^]*?\n[ \t]*\2(?=\n|$)/g, '\n')
    .replace(/\\\n/g, ' ')
    .replace(quotedOrRemarked, (text) => {
      if (text.startsWith('#')) return '';
      if (text.startsWith('\\')) return text;
      return text.startsWith('"') ? `''${(text.match(/\$\([^()"'`]+\)/g) ?? []).join('')}` : "''";
    });
}

function commandOf(simple: string): string | undefined {
  const words = simple.trim().split(/\s+/);
  const first = words.findIndex((word) => !before.has(word) && !/^[A-Za-z_]\w*=/.test(word));
  const word = first < 0 ? undefined : words[first];
  return word !== undefined && /^[\w.+/-]*\w$/.test(word) ? word : undefined;
}

/** The word that each simple command begins with, each once, in order. */
export function commandWords(script: string): readonly string[] {
  const simple = withoutText(script).split(/\n|;|&&|\|\||[|&(){}`]/);
  return [...new Set(simple.flatMap((command) => commandOf(command) ?? []))];
}
