/** Logged models, by what they hold: the same content is the same model, whichever run made it first. */
import { ok, type Result } from '../../../schemas/result.js';
import { clientKeyTag, quoted, type MlflowClient, type MlflowProblem } from '../mlflow/index.js';

export const modelKey = (digest: string): string => `artifact/${digest}`;

/** Ids of the models of an experiment. */
export class ModelIndex {
  readonly #client: MlflowClient;
  readonly #known = new Map<string, string>();

  constructor(client: MlflowClient) {
    this.#client = client;
  }

  note(digest: string, id: string): void {
    this.#known.set(digest, id);
  }

  /** The model that holds this, if it was ever sent. */
  async of(experiment: string, digest: string): Promise<Result<string | undefined, MlflowProblem>> {
    const known = this.#known.get(digest);
    if (known !== undefined) return ok(known);
    const filter = `tags.\`${clientKeyTag}\` = ${quoted(modelKey(digest))}`;
    const found = await this.#client.models([experiment], filter);
    if (!found.ok) return found;
    const id = found.value[0]?.id;
    if (id !== undefined) this.note(digest, id);
    return ok(id);
  }
}
