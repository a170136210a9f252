/** What stands in the way of an engine, and what to do about it. */
export interface EngineProblem {
  readonly message: string;
  readonly hint?: string;
}
