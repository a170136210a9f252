/** How the kernels of `kernels/` are compiled: it decides the last bit as much as their sources do. */
import { createHash } from 'node:crypto';

/** Sums may be reordered into vectors: the same on every run, since the machine is. NaN and infinity keep their meaning. */
const vectors = ['-O3', '-fno-math-errno', '-fno-trapping-math', '-fno-signed-zeros', '-fassociative-math'];

export interface InstructionSet {
  readonly name: string;
  /** The function that lists its kernels. */
  readonly lists: string;
  readonly flags: readonly string[];
}

/** What the addon chooses from, by the number that its kernel Instructions answers. */
const sets: readonly InstructionSet[] = [
  { name: 'plain', lists: 'kernelsPlain', flags: vectors },
  { name: 'AVX2', lists: 'kernelsAvx2', flags: [...vectors, '-mavx2', '-mfma'] },
  { name: 'AVX-512', lists: 'kernelsAvx512', flags: [...vectors, '-march=skylake-avx512'] },
];

/** Those of this architecture. */
export const instructionSets: readonly InstructionSet[] = process.arch === 'x64' ? sets : sets.slice(0, 1);

/** All flags as one string, for the record of a linked addon. */
export const kernelFlags = instructionSets.map(({ flags }) => flags.join(' ')).join('; ');

/** Short name of what a linked addon's kernels were made of: sources, flags and compiler. */
export function kernelBuild(link: {
  readonly kernels: string;
  readonly flags: string;
  readonly compiler: string;
}): string {
  const made = JSON.stringify([link.kernels, link.flags, link.compiler]);
  return createHash('sha256').update(made).digest('hex').slice(0, 8);
}
