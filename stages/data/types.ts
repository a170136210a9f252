/** One row of a dataset. `prompt` and `response` are text; other columns are whatever the rewards need. */
export interface Row {
  readonly id: string;
  readonly prompt: string;
  /** The first reference response, which SFT learns; absent where rows are prompts only. */
  readonly response?: string;
  readonly references?: readonly string[];
  /** Of two responses the one that was preferred, and the other. */
  readonly chosen?: string;
  readonly rejected?: string;
  /** A hidden state of an exact world that answers rewards; never seen by a model. */
  readonly facts?: unknown;
}
