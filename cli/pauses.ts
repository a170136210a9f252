import type { CliHost } from './host.js';

/** Milliseconds between two looks at what another process writes. */
const pollEvery = 200;

/** A pause between each two looks, for ever; yields true, and ends, when Ctrl-C was pressed. The first is at once. */
export async function* pauses(host: CliHost): AsyncGenerator<boolean, void> {
  const state = { interrupted: false, wake: (): void => undefined };
  const unlisten = host.onInterrupt(() => {
    state.interrupted = true;
    state.wake();
    return undefined;
  });
  try {
    for (;;) {
      yield state.interrupted;
      if (state.interrupted) return;
      await new Promise<void>((resolve) => {
        const cancel = host.clock.after(pollEvery, resolve);
        state.wake = () => {
          cancel();
          resolve();
        };
      });
    }
  } finally {
    unlisten();
  }
}
