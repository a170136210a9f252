/** Several language models as one, whose rows have trade-offs of their own. */
import { tf } from '../backend/tf.js';
import { assembleRows } from '../lm/index.js';
import type { LanguageModel, State } from '../lm/types.js';

/** Items without repetition by what they say, and which of them each is. */
export function distinct<T>(items: readonly T[]): { readonly items: readonly T[]; readonly of: Int32Array } {
  const places = new Map<string, number>();
  const found: T[] = [];
  const of = Int32Array.from(items, (item) => {
    const name = JSON.stringify(item);
    const place = places.get(name) ?? found.push(item) - 1;
    places.set(name, place);
    return place;
  });
  return { items: found, of };
}

/** A generation of one of the models; columns of its answers, once there was one. */
interface Part {
  readonly state: State;
  columns: number;
}

/**
 * Row i is answered by models[of[i]], which runs its rows in a batch of their own: they say what they would say alone.
 * Owns the models.
 */
export function groupedModel(models: readonly LanguageModel[], of: Int32Array): LanguageModel {
  const at = <T>(items: readonly T[], rows: readonly number[]): T[] =>
    rows.flatMap((row) => items[row] ?? []);
  const modelOf = (i: number): LanguageModel => {
    const model = models[i];
    if (!model) throw new Error('internal error: a row has no model; please report it');
    return model;
  };
  return {
    start(prompts) {
      const own = models.map((_, i) => prompts.filter((_prompt, row) => of[row] === i));
      const parts = models.map((model, i): Part => ({ state: model.start(own[i] ?? []), columns: 0 }));
      return parts as unknown as State;
    },
    next(state, tokens) {
      const parts = state as unknown as readonly Part[];
      const said = tokens?.dataSync<'int32'>();
      return assembleRows(of, models.length, (rows, i) => {
        const part = parts[i];
        if (!part) throw new Error('internal error: a model was not started; please report it');
        const last = said && rows.map((row) => said[row] ?? -1);
        // Rows that have all ended: nothing is computed, and what they are told means nothing.
        if (last?.every((token) => token < 0)) return tf.zeros([rows.length, part.columns]);
        const own = last && tf.tensor1d(last, 'int32');
        const answer = modelOf(i).next(part.state, own);
        own?.dispose();
        part.columns = answer.shape[1];
        return answer;
      });
    },
    end: (state) => (state as unknown as readonly Part[]).forEach((part, i) => modelOf(i).end?.(part.state)),
    score: (prompts, responses) =>
      assembleRows(of, models.length, (rows, i) => modelOf(i).score(at(prompts, rows), at(responses, rows))),
    room: (prompt, row = 0) => modelOf(of[row] ?? 0).room(prompt),
    dispose: () => models.forEach((model) => model.dispose()),
  };
}
