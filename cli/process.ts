/** What a command hears of this process: requests to stop or to keep checkpoints, and readers and terminals that go away. */

/**
 * Calls back at each request to stop (Ctrl-C, TERM), and at the first HUP: a terminal that closes may send two, and two
 * requests stop a run at once.
 *
 * @returns how to stop listening
 */
export function onInterrupt(callback: () => void): () => void {
  let hung = false;
  const hangUp = (): void => {
    if (!hung) callback();
    hung = true;
  };
  process.on('SIGINT', callback).on('SIGTERM', callback).on('SIGHUP', hangUp);
  return () => process.off('SIGINT', callback).off('SIGTERM', callback).off('SIGHUP', hangUp);
}

/** Calls back at each USR1, as a cluster sends it; returns how to stop listening. */
export function onCheckpoint(callback: () => void): () => void {
  process.on('SIGUSR1', callback);
  return () => process.off('SIGUSR1', callback);
}

/** A reader that closes its pipe (`moft ls | head`), or a terminal that is gone, is no error and ends no run. */
export function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
    });
}
