/**
 * The thread that holds a worker's stdin. A training loop may not return to the event loop for minutes; this
 * thread hears all the same that the cell is to stop, or that the runner is gone.
 */
import { Socket } from 'node:net';
import { dirname } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { LineReader, type WorkerCommand } from './protocol.js';
import { Vitals } from './vitals.js';

/** Whether the cell is to stop, and the process group of its command (0: none). */
const { stop, group } = workerData as { readonly stop: Int32Array; readonly group: Int32Array };

const vitals = new Vitals();
// All that it is told: the cell has ended.
parentPort?.on('message', () => vitals.stop());

const lines = new LineReader((line) => {
  const command = JSON.parse(line) as WorkerCommand;
  Atomics.store(stop, 0, command.type === 'stop' ? 1 : 0);
  if (command.type === 'run') vitals.start(dirname(command.job));
  parentPort?.postMessage(command);
});

function die(): void {
  endCommand(Atomics.load(group, 0));
  try {
    process.kill(-process.pid, 'SIGKILL');
  } catch {
    process.kill(process.pid, 'SIGKILL'); // not the leader of a group: started by hand
  }
}

function endCommand(of: number): void {
  if (of === 0) return;
  try {
    process.kill(-of, 'SIGKILL');
  } catch {
    // it has just ended
  }
}

const stdin = new Socket({ fd: 0, readable: true, writable: false });
stdin.setEncoding('utf8');
stdin.on('data', (chunk) => lines.push(String(chunk)));
stdin.on('close', die);
