/**
 * The tracker of a run: a process of its own that follows the journal, so that no server, however slow or dead, is
 * waited for by a cell. It is `moft sync RUN --follow`, in a session of its own; it outlives the run by a minute at
 * most, and what it could not send is owed: `moft sync` sends it at any later time.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { readStatus, trackFolder, type Status } from '../../runner/track/outbox/sent.js';
import type { CliHost } from '../host.js';
import { clean, counted } from '../text.js';
import type { Target } from './target.js';

/** Milliseconds that a run which has ended waits for what it said last to arrive; one of hits alone has said little. */
const farewell = { work: 5_000, hits: 1_000 };
const poll = 50;

export interface Tracker {
  /** Waits a little for the last figures, and says where they are, or that they are owed. */
  end(what: keyof typeof farewell): Promise<void>;
}

export function startTracker(
  target: Target,
  { run, root }: { run: string; root: string },
  host: CliHost,
): Tracker {
  const child = startProcess(target, run, root, host);
  const { address } = target.settings;
  return {
    end: async (what) => {
      const status = await settled(
        () => readStatus(root, run, address),
        child,
        host.farewell ?? farewell[what],
      );
      child?.unref();
      report(status, { run, address, gone: isGone(child) }, host);
    },
  };
}

function startProcess(target: Target, run: string, root: string, host: CliHost): ChildProcess | undefined {
  const folder = trackFolder(root, run);
  try {
    mkdirSync(folder, { recursive: true });
    const log = openSync(join(folder, 'tracker.log'), 'a');
    const [program, ...args] = host.moftCommand;
    const child = spawn(
      program,
      [...args, 'sync', run, '--follow', ...(target.traces ? [] : ['--without-judgments'])],
      {
        cwd: host.cwd,
        // The address goes by a variable: it may hold a password, which the list of processes would show.
        env: { ...host.env, MLFLOW_TRACKING_URI: target.uri, MOFT_HOME: root },
        detached: true,
        stdio: ['ignore', log, log],
      },
    );
    // It can't be started: what it would have sent is owed.
    child.on('error', () => undefined);
    closeSync(log);
    return child;
  } catch {
    return undefined; // a full disk; the run itself will say so
  }
}

const isGone = (child: ChildProcess | undefined): boolean =>
  !child || child.exitCode !== null || child.signalCode !== null;

/** The first status that will not change soon, or the last one there is. */
async function settled(
  read: () => Status | undefined,
  child: ChildProcess | undefined,
  wait: number,
): Promise<Status | undefined> {
  const until = performance.now() + wait;
  for (;;) {
    const status = read();
    const isOver = isGone(child) || performance.now() > until;
    if (isOver || (status !== undefined && status.state !== 'sending')) return status;
    await new Promise((resolve) => setTimeout(resolve, poll));
  }
}

function report(
  status: Status | undefined,
  { run, address, gone }: { run: string; address: string; gone: boolean },
  host: CliHost,
): void {
  if (status?.problem !== undefined) {
    const owed = status.owed > 0 ? `${counted(status.owed, 'run')} of it are owed` : 'it is owed';
    host.stderr.write(
      clean(
        `moft: warning: this run is not on the server, ${owed}: ${status.problem}\n  hint: \`moft sync ${run}\` sends it when the server is there\n`,
      ),
    );
    return;
  }
  for (const refused of status?.refused ?? [])
    host.stderr.write(clean(`moft: warning: the server refused ${refused}\n`));
  if (status?.view !== undefined) host.stderr.write(clean(`mlflow charts: ${status.view}\n`));
  if (status?.state === 'done') host.stderr.write(clean(`mlflow: ${status.page ?? address}\n`));
  else if (status?.page !== undefined && gone)
    host.stderr.write(
      clean(
        `moft: warning: what sent this run has ended before all of it was there; \`moft sync ${run}\` sends the rest\n`,
      ),
    );
  else if (status?.page !== undefined)
    host.stderr.write(clean(`mlflow: ${status.page} (still being sent)\n`));
  else
    host.stderr.write(
      clean(`mlflow: ${address} has not answered yet; \`moft sync ${run}\` sends what is owed\n`),
    );
}
