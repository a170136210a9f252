// Attention of the next token of a row to its prompt and to what was drawn since: keys and values lie side by side.
import { expAll, largestOf } from './softmax';
import { addScaled, dot } from './vectors';

/**
 * All heads of one row: out (heads d) from its queries. `prompt` is the first key of the prompt's first row, `nodes` that of
 * node 0; `chain` lists the nodes that the row sees, itself first. `scores` has room for one float a key.
 */
export function attendCached(
  query: usize,
  out: usize,
  prompt: usize,
  promptRow: usize,
  promptCount: i32,
  nodes: usize,
  chain: usize,
  chainCount: i32,
  heads: i32,
  keyHeads: i32,
  d: i32,
  factor: f32,
  scores: usize,
): void {
  const count = promptCount + chainCount;
  const values = (keyHeads * d * 4) as usize;
  const nodeRow = 2 * values;
  for (let head = 0; head < heads; head++, query += d * 4, out += d * 4) {
    const own = ((head * keyHeads) / heads) * d * 4;
    let at = scores;
    for (let j = 0, key = prompt + own; j < promptCount; j++, key += promptRow, at += 4)
      store<f32>(at, factor * dot(query, key, d));
    for (let j = 0; j < chainCount; j++, at += 4)
      store<f32>(at, factor * dot(query, nodes + (load<i32>(chain + j * 4) as usize) * nodeRow + own, d));
    const sum = expAll(scores, count, f32x4.splat(largestOf(scores, count)));
    memory.fill(out, 0, d * 4);
    at = scores;
    for (let j = 0, value = prompt + own + values; j < promptCount; j++, value += promptRow, at += 4)
      addScaled(out, value, load<f32>(at) / sum, d);
    for (let j = 0; j < chainCount; j++, at += 4) {
      const value = nodes + (load<i32>(chain + j * 4) as usize) * nodeRow + own + values;
      addScaled(out, value, load<f32>(at) / sum, d);
    }
  }
}
