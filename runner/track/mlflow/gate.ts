/** Lets so many through at once, the others in their order. */
export class Gate {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(width: number) {
    this.#free = width;
  }

  async pass<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free += 1;
    }
  }
}

/** More calls at once than this make a server on SQLite lose some of them. */
const width = 4;
const gates = new Map<string, Gate>();

/** One gate for a server, whoever asks it in this process. */
export function gateOf(address: string): Gate {
  const gate = gates.get(address) ?? new Gate(width);
  gates.set(address, gate);
  return gate;
}
