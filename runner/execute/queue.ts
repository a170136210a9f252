/** Items in order of falling weight; equal weights keep their order of arrival. */
export class PriorityQueue<T> {
  readonly #weight: (item: T) => number;
  readonly #items: T[] = [];

  constructor(weight: (item: T) => number) {
    this.#weight = weight;
  }

  add(item: T): void {
    this.#items.splice(this.#place(this.#weight(item)), 0, item);
  }

  /** Removes and returns the items that `wanted` accepts; it is asked in order, heaviest first. */
  takeWhere(wanted: (item: T) => boolean): T[] {
    const taken: T[] = [];
    let kept = 0;
    for (const item of this.#items) {
      if (wanted(item)) taken.push(item);
      else this.#items[kept++] = item;
    }
    this.#items.length = kept;
    return taken;
  }

  /** Index of the first item that is lighter. */
  #place(weight: number): number {
    let low = 0;
    let high = this.#items.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const item = this.#items[middle] as T;
      if (this.#weight(item) >= weight) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
