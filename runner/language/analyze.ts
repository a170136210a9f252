import type { Analysis, AnalyzeOptions, Source } from './options.js';

/** Text to checked pipeline, or all the errors of the file. Pure: touches no disk, never throws for any text. */
export function analyze(source: Source, options: AnalyzeOptions): Analysis {
  void source;
  void options;
  return { diagnostics: [] };
}
