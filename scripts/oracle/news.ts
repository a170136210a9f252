/** The clause tree of one news item. */
import Type from 'typebox';
import { type NewsOracle, newsOracleErrors } from '../../stages/worlds/news/oracle.js';
import { exactWeights, shape } from './shape.js';

const N = Type.Number();
const Ns = Type.Array(N);

export const news = shape({
  name: 'news clause tree',
  schema: Type.Object({
    clauses: Type.Record(Type.String(), Type.Array(Type.String())),
    alpha: N,
    reference_prob: Ns,
    dials: Type.Array(
      Type.Object({
        kappa: N,
        rewards: Type.Array(Ns),
        text: Type.Array(Type.String()),
        cases: Type.Array(
          Type.Object({
            rewards: Type.Array(Type.Integer()),
            w: Ns,
            V_star: N,
            V_ref: N,
            gap_logit_mix: N,
            reward_star: Ns,
            P_hedge_star: N,
          }),
        ),
      }),
    ),
  }),
  // the files round to nine digits
  tolerance: 1e-8,
  check: (group) => {
    const dials = group.dials.map((dial) => ({
      ...dial,
      cases: dial.cases.map((item) => ({ ...item, w: exactWeights(item.w) })),
    }));
    return newsOracleErrors({ ...group, dials } as unknown as NewsOracle);
  },
});
