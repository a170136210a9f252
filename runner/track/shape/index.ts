/** What a person sees on the server, as pure functions of what is known of a run. */
export { describeCell, describePoint, describeRun, type Described } from './describe.js';
export { statusOfCell, statusOfRun } from './status.js';
export { finalFigures, tellCell, tellRun } from './tell.js';
export type { CellRow, RunStory, Told, ToldFile } from './told.js';
export { traceOfJudgment, type JudgedIn, type Judgment } from './judgment.js';
export {
  drawnOf,
  hasCharts,
  isKnownVersion,
  viewKeys,
  viewPage,
  viewTag,
  viewTags,
  type Drawn,
} from './view.js';
