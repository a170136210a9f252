// What the wasm engine calls.
export { attend, attendGradient } from './attention';
export { attendCached } from './cached';
export { gelu, geluGradient } from './pointwise';
export {
  addToRows,
  entropy,
  layerNorm,
  layerNormGradient,
  logSoftmax,
  logSoftmaxGradient,
  sumRows,
} from './rows';
export { adam, plusScaled, scaled, squares } from './update';
export { transpose } from './vectors';
