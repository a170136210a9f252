/**
 * The thread that holds a worker's stdin. A training loop may not return to the event loop for minutes; this
 * thread hears all the same that the cell is to stop, or that the runner is gone.
 */
import { Socket } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import { LineReader, type WorkerCommand } from './protocol.js';

const { stop } = workerData as { readonly stop: Int32Array };

const lines = new LineReader((line) => {
  const command = JSON.parse(line) as WorkerCommand;
  Atomics.store(stop, 0, command.type === 'stop' ? 1 : 0);
  parentPort?.postMessage(command);
});

function die(): void {
  try {
    process.kill(-process.pid, 'SIGKILL');
  } catch {
    process.kill(process.pid, 'SIGKILL'); // not the leader of a group: started by hand
  }
}

const stdin = new Socket({ fd: 0, readable: true, writable: false });
stdin.setEncoding('utf8');
stdin.on('data', (chunk) => lines.push(String(chunk)));
stdin.on('close', die);
