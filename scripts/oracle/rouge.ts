/** Pairs of texts with their ROUGE scores, plain and stemmed. */
import Type, { type Static } from 'typebox';
import { bestRouge, type RougeType } from '../../stages/rewards/rouge.js';
import { Ledger, shape } from './shape.js';

/** [precision, recall, f-measure] */
const Triple = Type.Array(Type.Number(), { minItems: 3, maxItems: 3 });
const Scores = Type.Object({
  rouge1: Type.Optional(Triple),
  rouge2: Type.Optional(Triple),
  rougeL: Type.Optional(Triple),
  rougeLsum: Type.Optional(Triple),
});
const Case = Type.Object({
  reference: Type.Optional(Type.String()),
  references: Type.Optional(Type.Array(Type.String())),
  candidate: Type.String(),
  plain: Type.Optional(Scores),
  stemmed: Type.Optional(Scores),
});

/** The files round to nine digits. */
const rounded = 1e-8;

export const rouge = shape({
  name: 'rouge',
  schema: Type.Array(Case, { minItems: 1 }),
  tolerance: rounded,
  check(group) {
    const ledger = new Ledger();
    for (const item of group) {
      if (item.plain) compare(item, item.plain, ledger);
      if (item.stemmed) compare(item, item.stemmed, ledger, true);
    }
    return ledger.errors;
  },
});

function compare(
  item: Static<typeof Case>,
  expected: Static<typeof Scores>,
  ledger: Ledger,
  stem = false,
): void {
  const references = item.references ?? (item.reference === undefined ? [] : [item.reference]);
  for (const [type, triple] of Object.entries(expected)) {
    const found = bestRouge(type as RougeType, references, item.candidate, { stem });
    const name = stem ? `${type} stemmed` : type;
    ledger.compare(name, [found.precision, found.recall, found.fmeasure], triple);
  }
}
