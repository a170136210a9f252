import type { Clock } from './clock.js';

/** Lets one loop sleep until something happens or a time comes. A ring while nobody sleeps is kept. */
export class Bell {
  readonly #clock: Clock;
  #rung = false;
  #wake: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  /** @param until monotonic milliseconds; Infinity: only a ring ends the sleep */
  async sleep(until: number): Promise<void> {
    if (!this.#rung) {
      await new Promise<void>((resolve) => {
        const cancel =
          until === Infinity ? () => undefined : this.#clock.after(until - this.#clock.monotonic(), resolve);
        this.#wake = () => {
          cancel();
          resolve();
        };
      });
    }
    this.#wake = undefined;
    this.#rung = false;
  }
}
