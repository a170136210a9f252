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

/** Options of those words that take the next word as their value. */
const valued = new Set(['-u', '-C', '-P', '-a', '-o', '-f', '--unset', '--chdir', '--output', '--format']);

/** What a program may be called; a name that a variable holds is none. */
const name = /^[\w.+/-]*[\w+]$/;

/** A remark, or a here-document: its mark with the word that ends it, the rest of that line, then the text itself. */
const documentOrRemark =
  /(?<=^|[\s;&|(])#[^\n]*|(?<!<)<<-?[ \t]*(?:(['"])([^\n]+?)\1|\\?([^\s;&|()<>'"`\\]+))((?:\\\n|[^\n])*)\n((?:[^]*?\n)??)[ \t]*\2\3(?=\n|$)/g;

/** What stands in quotes, and what stands behind a `#`: whichever begins first, for each may hold the others' signs. */
const quotedOrRemarked = /\\[^]|'[^']*'|"(?:\\[^]|[^"\\])*"|(?<=^|[\s;&|(])#[^\n]*/g;

/** Redirections, which may stand before the command. */
const redirected = /(?:(?<=^|[\s;&|(){}`])\d+)?(?:<<<?|>>|<>|>\||[<>]&|[<>])[ \t]*[^\s;&|()<>`]*/g;

/** Takes the texts of here-documents away, but for commands in `$(...)` there, and nothing else of the lines that open them. */
function withoutDocuments(script: string): string {
  const shorter = script.replace(
    documentOrRemark,
    (text: string, ...[quote, , , rest, body]: (string | undefined)[]) => {
      if (text.startsWith('#')) return text;
      const literal = quote !== undefined || /^<<-?[ \t]*\\/.test(text);
      return `${rest ?? ''}${literal ? '' : substitutions(body ?? '')}`;
    },
  );
  return shorter === script ? script : withoutDocuments(shorter);
}

/** The commands that the shell runs to fill a text in, each on a line, without any sign that could pair with one outside. */
function substitutions(text: string): string {
  const commands = [...text.matchAll(/(?<!\\)(?:\$\(|`)([^()`]*)/g)];
  return commands.map(([, command = '']) => `\n${withoutText(command).replace(/['"\\<]/g, ' ')}`).join('');
}

/** Blanks what stands in quotes, but for names and for commands in `$(...)` there, and what stands behind `#`. */
function withoutText(script: string): string {
  return script.replace(quotedOrRemarked, (text) => {
    if (text.startsWith('#') || text === '\\\n') return '';
    if (text.startsWith('\\')) return text;
    const inside = text.slice(1, -1);
    if (name.test(inside)) return inside;
    // With quotes of its own a command goes on behind this text.
    const commands = text.startsWith('"') ? /(?:\$\(|`)(?:[^]*[)`]|[^]*)/.exec(inside)?.[0] : undefined;
    return `''${commands === undefined ? '' : withoutText(commands)}`;
  });
}

/** The program of a simple command; before it those that start it and are named by a path, as `/usr/bin/env` is. */
function programsOf(simple: string): readonly string[] {
  const found: string[] = [];
  const words = simple.trim().split(/\s+/);
  let introduced = false;
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (/^[A-Za-z_]\w*=/.test(word)) continue;
    if (introduced && word.startsWith('-')) {
      if (valued.has(word)) at += 1;
      continue;
    }
    const introduces = before.has(word.slice(word.lastIndexOf('/') + 1));
    if ((!introduces || word.includes('/')) && name.test(word)) found.push(word);
    if (!introduces) break;
    introduced = true;
  }
  return found;
}

/** The word that each simple command begins with, each once, in order. */
export function commandWords(script: string): readonly string[] {
  const commands = withoutText(withoutDocuments(script)).replace(redirected, ' ');
  return [...new Set(commands.split(/\n|;|&&|\|\||[|&(){}`]/).flatMap(programsOf))];
}
