import type { RunStatus as ServerStatus } from '../mlflow/types.js';
import type { CellPicture, RunPicture } from '../outbox/picture.js';

/** The server's word for how a cell ended; one that a kill or a stop cut short was killed. */
export function statusOfCell({ end }: CellPicture): ServerStatus {
  switch (end?.status) {
    case 'ran':
    case 'hit':
      return 'FINISHED';
    case 'failed':
      return 'FAILED';
    case 'skipped':
    case undefined:
      return 'KILLED';
  }
}

export function statusOfRun({ end }: RunPicture): ServerStatus {
  switch (end?.status) {
    case 'done':
      return 'FINISHED';
    case 'failed':
    case 'environment':
      return 'FAILED';
    case 'interrupted':
    case undefined:
      return 'KILLED';
  }
}
