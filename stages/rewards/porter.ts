/**
 * Porter's stemmer with the extensions of NLTK, which Google's rouge-score stems with. The extensions matter: "news"
 * stays, "enjoy" keeps its y, "dies" and "died" meet in "die"; the `stemmer` package follows Porter's paper instead.
 * Source: Porter, "An algorithm for suffix stripping", Program 14(3), 1980.
 */

/** Words that the rules would spoil. */
const irregular: ReadonlyMap<string, string> = new Map([
  ['skies', 'sky'],
  ['sky', 'sky'],
  ['dying', 'die'],
  ['lying', 'lie'],
  ['tying', 'tie'],
  ['news', 'news'],
  ['innings', 'inning'],
  ['inning', 'inning'],
  ['outings', 'outing'],
  ['outing', 'outing'],
  ['cannings', 'canning'],
  ['canning', 'canning'],
  ['howe', 'howe'],
  ['proceed', 'proceed'],
  ['exceed', 'exceed'],
  ['succeed', 'succeed'],
]);

type Rule = readonly [suffix: string, replacement: string];

/** Longest first where one suffix ends another: the first that fits decides, even if its condition fails. */
const step2: readonly Rule[] = [
  ['ational', 'ate'],
  ['tional', 'tion'],
  ['enci', 'ence'],
  ['anci', 'ance'],
  ['izer', 'ize'],
  ['bli', 'ble'],
  ['alli', 'al'],
  ['entli', 'ent'],
  ['eli', 'e'],
  ['ousli', 'ous'],
  ['ization', 'ize'],
  ['ation', 'ate'],
  ['ator', 'ate'],
  ['alism', 'al'],
  ['iveness', 'ive'],
  ['fulness', 'ful'],
  ['ousness', 'ous'],
  ['aliti', 'al'],
  ['iviti', 'ive'],
  ['biliti', 'ble'],
  ['fulli', 'ful'],
];

const step3: readonly Rule[] = [
  ['icate', 'ic'],
  ['ative', ''],
  ['alize', 'al'],
  ['iciti', 'ic'],
  ['ical', 'ic'],
  ['ful', ''],
  ['ness', ''],
];

const step4 = 'al ance ence er ic able ible ant ement ment ent ion ou ism ate iti ous ive ize'.split(' ');

/** The stem of a lower-case word; words of one or two letters stay. */
export function porterStem(word: string): string {
  const known = irregular.get(word);
  if (known !== undefined) return known;
  if (word.length <= 2) return word;
  const steps = [plural, pastOrGerund, finalY, doubleSuffix, thirdSuffix, lastSuffix, finalE, finalL];
  return steps.reduce((stem, step) => step(stem), word);
}

function plural(word: string): string {
  if (word.endsWith('ies') && word.length === 4) return cut(word, 1);
  if (word.endsWith('sses') || word.endsWith('ies')) return cut(word, 2);
  return word.endsWith('s') && !word.endsWith('ss') ? cut(word, 1) : word;
}

function pastOrGerund(word: string): string {
  if (word.endsWith('ied')) return cut(word, word.length === 4 ? 1 : 2);
  if (word.endsWith('eed')) return measure(cut(word, 3)) > 0 ? cut(word, 1) : word;
  const suffix = ['ed', 'ing'].find(
    (ending) => word.endsWith(ending) && pattern(cut(word, ending.length)).includes('v'),
  );
  return suffix === undefined ? word : mended(cut(word, suffix.length));
}

/** What -ed and -ing leave behind: an e put back, a doubled consonant made single. */
function mended(stem: string): string {
  if (/(?:at|bl|iz)$/.test(stem)) return `${stem}e`;
  if (/(.)\1$/.test(stem) && pattern(stem).endsWith('c')) return /[lsz]$/.test(stem) ? stem : cut(stem, 1);
  return measure(stem) === 1 && isShort(stem) ? `${stem}e` : stem;
}

/** y after a consonant, unless that consonant is all there is. */
function finalY(word: string): string {
  const stem = cut(word, 1);
  return word.endsWith('y') && stem.length > 1 && pattern(stem).endsWith('c') ? `${stem}i` : word;
}

function doubleSuffix(word: string): string {
  if (word.endsWith('alli') && measure(cut(word, 4)) > 0) return doubleSuffix(cut(word, 2));
  if (word.endsWith('logi')) return measure(cut(word, 3)) > 0 ? cut(word, 1) : word;
  return replaced(word, step2);
}

function thirdSuffix(word: string): string {
  return replaced(word, step3);
}

function lastSuffix(word: string): string {
  const suffix = step4.find((ending) => word.endsWith(ending));
  if (suffix === undefined) return word;
  const stem = cut(word, suffix.length);
  return measure(stem) > 1 && (suffix !== 'ion' || /[st]$/.test(stem)) ? stem : word;
}

function finalE(word: string): string {
  if (!word.endsWith('e')) return word;
  const stem = cut(word, 1);
  return measure(stem) > 1 || (measure(stem) === 1 && !isShort(stem)) ? stem : word;
}

function finalL(word: string): string {
  return word.endsWith('ll') && measure(cut(word, 1)) > 1 ? cut(word, 1) : word;
}

function replaced(word: string, rules: readonly Rule[]): string {
  const rule = rules.find(([suffix]) => word.endsWith(suffix));
  if (!rule) return word;
  const stem = cut(word, rule[0].length);
  return measure(stem) > 0 ? stem + rule[1] : word;
}

function cut(word: string, letters: number): string {
  return word.slice(0, word.length - letters);
}

/** c and v for consonants and vowels; y is a vowel after a consonant. */
function pattern(word: string): string {
  let result = '';
  for (const letter of word) {
    const vowel = 'aeiou'.includes(letter) || (letter === 'y' && result.endsWith('c'));
    result += vowel ? 'v' : 'c';
  }
  return result;
}

/** m of Porter's [C](VC)^m[V]. */
function measure(word: string): number {
  return pattern(word).split('vc').length - 1;
}

/** Ends consonant, vowel, consonant other than w, x, y; or is vowel, consonant. */
function isShort(word: string): boolean {
  const letters = pattern(word);
  return (letters.endsWith('cvc') && !/[wxy]$/.test(word)) || letters === 'vc';
}
