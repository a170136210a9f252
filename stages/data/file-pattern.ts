/**
 * Patterns of files as dataset cards write them: those of fsspec. Node's own (`path.matchesGlob`) is experimental in the
 * oldest version that we run on, and says so on each worker's standard error.
 */
import { err, ok, type Result } from '../../schemas/result.js';

/**
 * A test of names of files: `*` and `?` within a folder, `**` across folders (with a slash behind it: none, too), `[ab]`,
 * `[!ab]`, and `{a,b}`, whose parts are patterns. An error says what is not closed.
 */
export function filePattern(pattern: string): Result<(name: string) => boolean, string> {
  let depth = 0;
  const special = /\*\*\/|\*\*|\[!|[*?{},.+^$()|\\]/g;
  const text = pattern.replace(special, (part) => {
    switch (part) {
      case '**/':
        return '(?:[^/]+/)*';
      case '**':
        return '.*';
      case '*':
        return '[^/]*';
      case '?':
        return '[^/]';
      case '[!':
        return '[^';
      case '{':
        depth++;
        return '(?:';
      case '}':
        depth--;
        return ')';
      case ',':
        return depth > 0 ? '|' : ',';
      default:
        return `\\${part}`;
    }
  });
  try {
    const expression = new RegExp(`^(?:${text})$`);
    return ok((name) => expression.test(name));
  } catch {
    return err(`a pattern whose brackets or braces are closed, found ${JSON.stringify(pattern)}`);
  }
}
