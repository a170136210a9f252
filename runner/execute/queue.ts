/** Items in order, first in place first; equal ones keep their order of arrival. */
export class PriorityQueue<T> {
  readonly #compare: (a: T, b: T) => number;
  readonly #items: T[] = [];

  /** @param compare positive where `a` comes before `b` */
  constructor(compare: (a: T, b: T) => number) {
    this.#compare = compare;
  }

  add(item: T): void {
    this.#items.splice(this.#place(item), 0, item);
  }

  /** Removes and returns the items that `wanted` accepts; it is asked in order. */
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

  /** Index of the first item that comes after it. */
  #place(added: T): number {
    let low = 0;
    let high = this.#items.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const item = this.#items[middle] as T;
      if (this.#compare(item, added) >= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
