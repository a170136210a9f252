import type { Clock } from './clock.js';

/** Watches that something is heard again and again; breaks once, after as many seconds without a word. */
export class Silence {
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #onBroken: () => void;
  #last: number;
  #cancel: () => void;
  broken = false;

  constructor(clock: Clock, seconds: number, onBroken: () => void) {
    this.#clock = clock;
    this.#limit = seconds * 1000;
    this.#onBroken = onBroken;
    this.#last = clock.monotonic();
    this.#cancel = this.#wait();
  }

  heard(): void {
    this.#last = this.#clock.monotonic();
  }

  end(): void {
    this.#cancel();
  }

  /** One timer for each span that may have been silent, not one for each word. */
  #wait(): () => void {
    return this.#clock.after(this.#last + this.#limit - this.#clock.monotonic(), () => {
      if (this.#clock.monotonic() < this.#last + this.#limit) this.#cancel = this.#wait();
      else {
        this.broken = true;
        this.#onBroken();
      }
    });
  }
}
