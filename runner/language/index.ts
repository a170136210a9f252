/** The language: text -> Document -> Pipeline -> Cell[]. */
export { analyze } from './analyze.js';
export { cellId, matchCells } from './cell-id.js';
export { applyFix } from './edits.js';
export { formatDiagnostic } from './format-diagnostic.js';
export type { Analysis, AnalyzeOptions, Source } from './options.js';
