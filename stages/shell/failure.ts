import { StageFailure, type CommandEnd } from '../../runner/contract.js';

/** A shell reports a signal of what it ran as this and the signal's number. */
const signalBase = 128;
const signals: Readonly<Record<number, string>> = {
  6: 'SIGABRT',
  9: 'SIGKILL',
  11: 'SIGSEGV',
  15: 'SIGTERM',
};
const shownLines = 8;
/** What runtimes say when they can't have more: of Python, PyTorch, C++, Node and the system. */
const noMemory = /\bMemoryError\b|out of memory|cannot allocate memory|std::bad_alloc/i;
/**
 * What programs print of the system's own words for a disk that takes no more. Not for a read-only one: that is mostly
 * a path of the command's own that was never to be written, and no reason to stop all else.
 */
const noDisk = /\bno space left on device|\bdisk quota exceeded/i;
/** So near to the end stands what a program ended with; what it only told of on its way stands before. */
const decisiveLines = 3;

/** Why a command failed, by its exit code, its signal and what it said last; undefined where it ended well. */
export function failureOf(end: CommandEnd): StageFailure | undefined {
  if (end.code === 0) return undefined;
  const signal = end.signal ?? signals[(end.code ?? 0) - signalBase];
  const last = lastLines(end.tail);
  if (end.outOfMemory && signal === 'SIGKILL')
    return new StageFailure(
      'resource',
      'out-of-memory',
      `the system killed the command for want of memory${last}`,
    );
  // A runtime that aborts prints its stack behind the reason.
  if (noMemory.test(signal === 'SIGABRT' ? end.tail : endOf(end.tail, decisiveLines)))
    return new StageFailure('resource', 'out-of-memory', `the command ran out of memory${last}`);
  if (signal === undefined && noDisk.test(endOf(end.tail, decisiveLines)))
    return new StageFailure(
      'environment',
      'disk-full',
      `the command could not write to a disk; free some space, or set TMPDIR, under which it works, to another disk${last}`,
    );
  if (signal === 'SIGKILL' || signal === 'SIGTERM')
    return new StageFailure(
      'infrastructure',
      'killed',
      `the command was ended by ${signal} from outside${last}`,
    );
  if (signal !== undefined)
    return new StageFailure('user', 'signal', `the command was ended by ${signal}${last}`);
  return new StageFailure(
    'user',
    'exit-code',
    `the command ended with exit code ${end.code ?? '?'}${meaning(end)}${last}`,
  );
}

function meaning({ code }: CommandEnd): string {
  if (code === 127) return ' (a program was not found: see PATH)';
  return code === 126 ? ' (a program may not be executed)' : '';
}

function lastLines(tail: string): string {
  const text = endOf(tail, shownLines);
  return text.trim() === '' ? '; it printed nothing' : `\n${text}`;
}

const endOf = (tail: string, lines: number): string => tail.trimEnd().split('\n').slice(-lines).join('\n');
