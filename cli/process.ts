/** What a command hears of this process: requests to stop or to keep checkpoints, and readers and terminals that go away. */
import { exitCode } from './exit.js';

/**
 * Calls back at each request to stop (Ctrl-C, TERM), and at the first HUP: a terminal that closes may send two, and two
 * requests stop a run at once. Where the answer is `enough`, the next Ctrl-C or TERM ends this process; the second HUP
 * of a terminal still doesn't.
 *
 * @returns how to stop listening
 */
export function onInterrupt(callback: () => 'enough' | undefined): () => void {
  let hung = false;
  const ask = (): void => {
    if (callback() === 'enough') process.off('SIGINT', ask).off('SIGTERM', ask);
  };
  const hangUp = (): void => {
    if (!hung) ask();
    hung = true;
  };
  process.on('SIGINT', ask).on('SIGTERM', ask).on('SIGHUP', hangUp);
  return () => process.off('SIGINT', ask).off('SIGTERM', ask).off('SIGHUP', hangUp);
}

/** Calls back at each USR1, as a cluster sends it; returns how to stop listening. */
export function onCheckpoint(callback: () => void): () => void {
  process.on('SIGUSR1', callback);
  return () => process.off('SIGUSR1', callback);
}

/**
 * A reader that closes its pipe (`moft ls | head`), or a terminal that is gone, is no error and ends no run. Nor does a
 * full disk that takes what is printed end one: it is said once on the other stream, and where results are lost so,
 * what would have ended well ends as a fault of the environment.
 */
export function outliveReaders(): void {
  const { stdout, stderr } = process;
  let said = false;
  const listen = (stream: NodeJS.WriteStream, other: NodeJS.WriteStream, name: string): void => {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE' || error.code === 'EIO') return;
      if (stream === stdout) process.on('exit', failWell);
      if (!said) other.write(`moft: ${name} can't be written any more (${error.message})\n`);
      said = true;
    });
  };
  listen(stdout, stderr, 'standard output');
  listen(stderr, stdout, 'standard error');
}

function failWell(code: number): void {
  if (code === exitCode.done) process.exitCode = exitCode.environment;
}
