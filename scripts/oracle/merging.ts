/** Merging copies of parameters by a trade-off, and distributing the gradient, by the code that trains. */
import Type, { type Static } from 'typebox';
import { type Errors, Ledger, shape } from './shape.js';

const Numbers = Type.Array(Type.Number());
const Nested = Type.Array(Type.Unknown());

const Mixing = Type.Object({
  copies: Type.Array(Nested, { minItems: 1 }),
  ref: Type.Optional(Nested),
  alpha: Type.Optional(Type.Number()),
  /** The reference's share; alpha itself where absent. */
  s: Type.Optional(Type.Number()),
  w: Numbers,
  theta: Nested,
  G_wrt_theta: Nested,
  grad_copies: Type.Array(Nested),
});

/** Tensors are Float32, which the tolerance allows for. */
export const mixing = shape({
  name: 'merge and distribute',
  schema: Mixing,
  tolerance: 1e-6,
  check: mixingErrors,
});

/** TensorFlow.js is loaded where a group needs it and nowhere else: it takes seconds. */
async function mixingErrors(group: Static<typeof Mixing>): Promise<Errors> {
  const { startEngine } = await import('../../stages/backend/engine.js');
  await startEngine('cpu');
  const { tf } = await import('../../stages/backend/tf.js');
  const { distribute, materialize } = await import('../../stages/policy/merge.js');
  const set = (values: readonly unknown[]): { parameter: ReturnType<typeof tf.tensor1d> } => ({
    parameter: tf.tensor1d(flat(values)),
  });
  const ledger = new Ledger();
  tf.tidy(() => {
    const referenceShare = group.s ?? (group.ref ? (group.alpha ?? 0) : 0);
    const mixture = { weights: group.w, referenceShare };
    const copies = group.copies.map(set);
    const parameters = { shared: {}, copies, ...(group.ref ? { reference: set(group.ref) } : {}) };
    const merged = materialize(parameters, mixture).weights;
    ledger.compare('theta', merged.parameter?.dataSync(), flat(group.theta));
    const { gradients } = distribute([{ gradients: set(group.G_wrt_theta), mixture }], parameters);
    ledger.compare(
      'grad_copies',
      Object.values(gradients).map(({ tensor, factor }) => tensor.mul(factor).dataSync()),
      group.grad_copies.map(flat),
    );
  });
  return ledger.errors;
}

function flat(nested: readonly unknown[]): number[] {
  return nested.flatMap((item) =>
    Array.isArray(item) ? flat(item) : [typeof item === 'number' ? item : NaN],
  );
}
