/** Whether what was linked is still the same to the byte: slow, so not at every start. */
import { readLink } from '../link-record.js';
import { describeLibrary } from './link.js';

/** Libraries whose bytes differ from those that the addon was linked with; none where nothing was linked. */
export async function changedLibraries(engines?: string): Promise<string[]> {
  const changed: string[] = [];
  for (const { path, sha256 } of readLink(engines)?.libraries ?? []) {
    if ((await describeLibrary(path)).sha256 !== sha256) changed.push(path);
  }
  return changed;
}
