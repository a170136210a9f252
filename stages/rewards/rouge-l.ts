/**
 * ROUGE-L (f-measure, no stemming) against the row's references, the best of several: how close the summary is to one
 * that a person wrote. null where the row has no reference with a word in it.
 */
import { bestRouge, rougeTokens } from './rouge.js';
import type { Reward } from './types.js';

export const reward: Reward = {
  name: 'rouge-l',
  score(row, response) {
    const given = row.references ?? (row.response === undefined ? [] : [row.response]);
    const references = given.filter((text) => rougeTokens(text).length > 0);
    return references.length === 0 ? null : bestRouge('rougeL', references, response).fmeasure;
  },
};
