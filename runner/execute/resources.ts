import type { Resources } from '../contract.js';
import type { Cell, Diagnostic, Pipeline } from '../pipeline.js';

/** What a cell takes while it runs; every field is filled in. */
export interface Demand {
  /** Slots; one busy core each. */
  readonly cpu: number;
  /** Bytes. */
  readonly memory: number;
  readonly gpu: number;
}

export const dimensions = ['cpu', 'memory', 'gpu'] as const satisfies readonly (keyof Demand)[];

/** A cell takes one cpu slot unless it says otherwise; memory counts only where it is declared. */
export function demandOf(resources: Resources): Demand {
  return { cpu: resources.cpu ?? 1, memory: resources.memory ?? 0, gpu: resources.gpu ?? 0 };
}

/** The dimensions in which a demand is larger than the whole machine: such a cell can never start. */
export function excess(demand: Demand, capacity: Demand): (keyof Demand)[] {
  return dimensions.filter((name) => demand[name] > capacity[name]);
}

/** What is free of a fixed capacity. */
export class Budget {
  readonly capacity: Demand;
  #free: Demand;

  constructor(capacity: Demand) {
    this.capacity = capacity;
    this.#free = capacity;
  }

  get free(): Demand {
    return this.#free;
  }

  /** Takes a demand if all of it is free; otherwise takes nothing. */
  take(demand: Demand): boolean {
    if (excess(demand, this.#free).length > 0) return false;
    this.#change(demand, -1);
    return true;
  }

  give(demand: Demand): void {
    this.#change(demand, 1);
  }

  #change(demand: Demand, sign: 1 | -1): void {
    this.#free = {
      cpu: this.#free.cpu + sign * demand.cpu,
      memory: this.#free.memory + sign * demand.memory,
      gpu: this.#free.gpu + sign * demand.gpu,
    };
  }
}

/** Cells that ask for more than the whole machine: errors before anything runs, one a stage. */
export function unfitting(pipeline: Pipeline, capacity: Demand): Diagnostic[] {
  const first = new Map<string, Diagnostic>();
  for (const cell of pipeline.cells) {
    for (const name of excess(demandOf(cell.resources), capacity)) {
      const key = `${cell.stage} ${name}`;
      if (!first.has(key)) first.set(key, tooLarge(cell, name, capacity[name]));
    }
  }
  return [...first.values()];
}

function tooLarge(cell: Cell, name: keyof Demand, available: number): Diagnostic {
  const unit = name === 'memory' ? ' bytes' : '';
  const wanted = demandOf(cell.resources)[name];
  return {
    ...cell.place,
    code: 'resources',
    message: `the stage ${cell.stage} asks for ${name} ${wanted}${unit}, this machine has ${available}${unit}`,
    hint: `lower \`resources.${name}\` of the stage, or use a larger machine`,
  };
}
