/** What cells take of a machine, and what is free of it: graphics cards by their ids, everything else by amount. */
import type { Failure } from '../../schemas/protocol.js';
import type { Resources } from '../contract.js';
import type { Cell, Diagnostic } from '../pipeline.js';

/** Named things of which there are only so many, by how many. */
type Tokens = Readonly<Record<string, number>>;

/** What a cell takes while it runs; every field is filled in. */
export interface Demand {
  /** Slots, in whole thousandths; one busy core each. */
  readonly cpu: number;
  /** Bytes. */
  readonly memory: number;
  readonly gpu: number;
  readonly tokens: Tokens;
}

/** What a machine offers. */
export interface Capacity {
  readonly cpu: number;
  /** Bytes. */
  readonly memory: number;
  /** Ids of graphics cards, as CUDA_VISIBLE_DEVICES names them; each is held by one cell at a time. */
  readonly gpus: readonly string[];
  readonly tokens: Tokens;
}

/** Sums of whole thousandths are exact: what all cells gave back is all there was. */
const thousandths = (slots: number): number => Math.round(slots * 1000) / 1000;

/** A cell takes one cpu slot unless it says otherwise; all else counts only where it is declared. */
export function demandOf({ cpu = 1, memory = 0, gpu = 0, tokens = {} }: Resources): Demand {
  return { cpu: Math.max(0.001, thousandths(cpu)), memory, gpu, tokens };
}

/** The whole machine, as a demand. */
export function demandOfAll({ cpu, memory, gpus, tokens }: Capacity): Demand {
  return { cpu, memory, gpu: gpus.length, tokens };
}

interface Lack {
  /** As a pipeline names it: `cpu`, `tokens.judge-rpm`. */
  readonly name: string;
  readonly wanted: number;
  readonly there: number;
}

/** In what a demand is larger than what there is; with the whole machine, such a cell can never start. */
export function lacks({ cpu, memory, gpu, tokens }: Demand, there: Capacity): readonly Lack[] {
  const all: Lack[] = [
    { name: 'cpu', wanted: cpu, there: there.cpu },
    { name: 'memory', wanted: memory, there: there.memory },
    { name: 'gpu', wanted: gpu, there: there.gpus.length },
  ];
  for (const [name, wanted] of Object.entries(tokens))
    all.push({ name: `tokens.${name}`, wanted, there: there.tokens[name] ?? 0 });
  return all.filter(({ wanted, there }) => wanted > there);
}

/** What a cell holds until it gives it back. */
export interface Grant {
  readonly demand: Demand;
  readonly gpus: readonly string[];
}

/** What is free of a fixed capacity. */
export class Budget {
  #free: Capacity;

  constructor(capacity: Capacity) {
    this.#free = capacity;
  }

  get free(): Capacity {
    return this.#free;
  }

  /** Takes a demand if all of it is free; otherwise takes nothing. */
  take(demand: Demand): Grant | undefined {
    if (!fits(demand, this.#free)) return undefined;
    const gpus = this.#free.gpus.slice(0, demand.gpu);
    this.#change(demand, -1, this.#free.gpus.slice(demand.gpu));
    return { demand, gpus };
  }

  give({ demand, gpus }: Grant): void {
    this.#change(demand, 1, gpus.length === 0 ? this.#free.gpus : [...gpus, ...this.#free.gpus]);
  }

  #change(demand: Demand, sign: 1 | -1, gpus: readonly string[]): void {
    const { cpu, memory, tokens } = this.#free;
    const changed = Object.entries(demand.tokens).map(
      ([name, count]) => [name, (tokens[name] ?? 0) + sign * count] as const,
    );
    this.#free = {
      cpu: thousandths(cpu + sign * demand.cpu),
      memory: memory + sign * demand.memory,
      gpus,
      tokens: changed.length === 0 ? tokens : { ...tokens, ...Object.fromEntries(changed) },
    };
  }
}

/** Asked for each waiting cell at each step: no list is made. */
function fits({ cpu, memory, gpu, tokens }: Demand, free: Capacity): boolean {
  if (cpu > free.cpu || memory > free.memory || gpu > free.gpus.length) return false;
  for (const name in tokens) if ((tokens[name] ?? 0) > (free.tokens[name] ?? 0)) return false;
  return true;
}

/** Cells that ask for more than the whole machine: errors before anything runs, one a stage. */
export function unfitting(cells: readonly Cell[], capacity: Capacity): Diagnostic[] {
  const first = new Map<string, Diagnostic>();
  for (const cell of cells) {
    for (const lack of lacks(demandOf(cell.resources), capacity)) {
      const key = `${cell.stage} ${lack.name}`;
      if (!first.has(key)) first.set(key, tooLarge(cell, lack));
    }
  }
  return [...first.values()];
}

const tooLarge = (cell: Cell, lack: Lack): Diagnostic => ({
  ...cell.place,
  code: 'resources',
  message: `the stage ${cell.stage} asks for ${told(lack)}`,
  hint: hintFor(lack.name, lack.there),
});

function told({ name, wanted, there }: Lack): string {
  const unit = name === 'memory' ? ' bytes' : '';
  return `${name} ${wanted}${unit}, this machine has ${there}${unit}`;
}

/** Of a cell that was not to run when the run began, as its result stood, and finds that it can't. */
export function unfittingFailure(demand: Demand, capacity: Capacity): Failure {
  const all = lacks(demand, capacity);
  return {
    class: 'resource',
    code: 'resources',
    message: all.map((lack) => `asks for ${told(lack)}; ${hintFor(lack.name, lack.there)}`).join('; '),
  };
}

function hintFor(name: string, there: number): string {
  const token = /^tokens\.(.*)$/.exec(name)?.[1];
  if (token !== undefined && there === 0)
    return `say how many there are: \`--token ${token}=N\`, or \`resources: {tokens: {${token}: N}}\` in moft.yaml`;
  const lower = `lower \`resources.${name}\` of the stage`;
  if (name === 'gpu')
    return `${lower}, or name the cards: \`--gpu 0,1\`, or \`resources: {gpu: [0, 1]}\` in moft.yaml`;
  return `${lower}, or use a larger machine`;
}
