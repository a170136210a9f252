/** Words of a text, and which of them carry content. */

/** Lower-case runs of letters and digits, in order. */
export function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}

const functionWords = new Set(
  (
    'a about above after again all also although am an and any are as at be because been before being below ' +
    'between both but by can could did do does doing down during each either else ever few for from further ' +
    'had has have having he her here hers him his how however i if in into is it its itself just let may me ' +
    'might more most much must my neither no nor not of off on once one only or other our ours out over own ' +
    'per s same she should so some such t than that the their theirs them then there these they this those ' +
    'through thus to too under until up upon us very via was we were what when where whether which while who ' +
    'whom whose why will with within without would yet you your yours'
  ).split(' '),
);

/** Whether a lower-case word says something of its own: it is no function word of English. */
export function isContent(word: string): boolean {
  return !functionWords.has(word);
}
