/** Real `moft` processes with the test kinds, in a folder of their own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RunEvent } from '../../runner/track/events.js';

/** Joined by the global setup; where that is not run, its modules. */
export const script =
  process.env.MOFT_TEST_SCRIPT ?? fileURLToPath(new URL('../fixtures/execute/moft.mjs', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Started {
  readonly env?: Record<string, string>;
  /** Another user than this one, as only root can start it; its group is its own unless another one is named. */
  readonly uid?: number;
  readonly gid?: number;
}

/** A running command; its output can be waited for. */
export class Command {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  stdout = '';
  stderr = '';
  readonly #listeners = new Set<() => void>();

  constructor(args: readonly string[], options: Started & { cwd: string }) {
    const { cwd, env = {}, uid, gid = uid } = options;
    const variables = { PATH: process.env.PATH, HOME: cwd, ...env };
    this.process = spawn(process.execPath, [script, ...args], {
      cwd,
      env: variables,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(uid === undefined ? {} : { uid, gid }),
    });
    this.process.stdout?.setEncoding('utf8').on('data', (text: string) => this.#hear('stdout', text));
    this.process.stderr?.setEncoding('utf8').on('data', (text: string) => this.#hear('stderr', text));
    this.ended = new Promise((resolve) => {
      this.process.once('close', (code, signal) => {
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr });
        this.#tell();
      });
    });
  }

  get events(): RunEvent[] {
    return this.stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as RunEvent);
  }

  /** Resolves when the output so far is as wanted, or the process has ended. */
  async until(wanted: (command: this) => boolean): Promise<void> {
    while (!wanted(this) && this.process.exitCode === null && this.process.signalCode === null) {
      await new Promise<void>((resolve) => this.#listeners.add(resolve));
    }
  }

  #hear(stream: 'stdout' | 'stderr', text: string): void {
    this[stream] += text;
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
    this.#listeners.clear();
  }
}

/** A project folder with a pipeline file. */
export class Project {
  readonly folder: string;

  constructor(pipeline: string, parent = tmpdir()) {
    this.folder = mkdtempSync(join(parent, 'moft-cli-'));
    writeFileSync(join(this.folder, 'package.json'), '{}');
    this.write('p.yaml', pipeline);
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.folder, name), text);
  }

  start(args: readonly string[], options: Started = {}): Command {
    return new Command(args, { cwd: this.folder, ...options });
  }

  run(...args: string[]): Promise<Ended> {
    return this.start(args).ended;
  }

  async json<T>(...args: string[]): Promise<T> {
    const { stdout } = await this.run(...args, '--json');
    return JSON.parse(stdout) as T;
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
