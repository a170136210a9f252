import type { KindRegistry } from '../contract.js';

/** A pipeline file: its absolute path and its text. */
export interface Source {
  readonly file: string;
  readonly text: string;
}

export interface AnalyzeOptions {
  readonly registry: KindRegistry;
  /** `--preset name`: a set of params that the file names. */
  readonly preset?: string;
  /** `-p name=text`, by name. */
  readonly params?: Readonly<Record<string, string>>;
  /** `--set path=yaml`, by path (`stages.clp.with.steps`). */
  readonly sets?: Readonly<Record<string, string>>;
  /** Absolute path that paths given by `-p` and `--set` are relative to. */
  readonly workingFolder: string;
  /** Whether an absolute path exists; without it, declared paths are not looked for. */
  readonly exists?: (path: string) => boolean;
  /** Whether an absolute path is a folder; without it, paths that end in `/` are. */
  readonly isFolder?: (path: string) => boolean;
  /** Folder of the project, which files that count by their place must not leave; default: that of the file. */
  readonly root?: string;
}
