/** Speaking to an MLflow server. */
export { createClient, type MlflowClient } from './client.js';
export { readSettings, readAddress, type MlflowSettings, type Variables } from './settings.js';
export { fitting, fittingName, fittingValue, isWhole, type Fitted, type Originals } from './fitting.js';
export { artifactText, fileUpload, isArtifactName, textUpload, type ArtifactFolder } from './artifacts.js';
export { experimentPage, runPage } from './addresses.js';
export { limits, quoted } from './values.js';
export { clientKeyTag } from './runs.js';
export { problem, wordsOf, type MlflowProblem } from './problem.js';
export type { Patience } from './retry.js';
export type { Upload } from './transport.js';
export type { TraceInfo } from './traces.js';
export type * from './types.js';
