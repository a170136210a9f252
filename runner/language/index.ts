/** The language: text -> Document -> Pipeline -> Cell[]. */
export { analyze, type Analysis } from './analyze.js';
export { cellId, matchCells } from './cell-id.js';
export { nearest } from './nearest.js';
export { applyFix } from './edits.js';
export { formatDiagnostic, formatOrigin } from './format-diagnostic.js';
export type { AnalyzeOptions, Source } from './options.js';
export type { Outline, StageOutline } from './outline.js';
