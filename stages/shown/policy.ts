/** What a reviewer sees of a policy: how it is conditioned and on what it was trained, as a model that is compared. */
import type { FinishedCell, Shown } from '../../runner/contract.js';
import type { PolicyManifest } from '../../schemas/artifact.js';
import { readOutput, weightParams } from './read.js';

export function showPolicy(cell: FinishedCell): Shown {
  const manifest = readOutput(cell, 'policy', 'policy.json') as PolicyManifest;
  const { method, objectives, conditioning, alpha, weights, trained, referenceShare } = manifest;
  const params = {
    method,
    conditioning,
    objectives: objectives.join(', '),
    alpha: 'fixed' in alpha ? alpha.fixed : `${alpha.range[0]} to ${alpha.range[1]}`,
    ...(weights ? weightParams(objectives, weights) : {}),
  };
  return {
    params,
    curves: [...objectives.map((name) => `rewards/${name}/mean`), 'objective/kl', 'objective/entropy'],
    model: {
      output: 'policy',
      name: conditioning === 'none' ? method : `${method} ${conditioning}`,
      params: {
        ...params,
        reference: manifest.reference,
        reference_share: referenceShare,
        ...Object.fromEntries(
          Object.entries(trained ?? {}).map(([name, value]) => [`trained.${name}`, value]),
        ),
      },
    },
  };
}
