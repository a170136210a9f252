import type { MlflowProblem } from '../mlflow/index.js';

/** What makes a thing be left out, so that the others go on: the server will not have it, whatever is done. */
export const isFinal = ({ passing, kind }: MlflowProblem): boolean =>
  !passing && !['aborted', 'local', 'unauthorized', 'forbidden'].includes(kind);
