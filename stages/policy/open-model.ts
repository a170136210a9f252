import type { ArtifactRef } from '../../runner/contract.js';
import { loadModel, type Model } from '../lm/index.js';

/** Reads a model artifact. The caller disposes the weights. */
export function openModel(artifact: ArtifactRef): Promise<Model> {
  return loadModel((name) => artifact.files?.[name]);
}
