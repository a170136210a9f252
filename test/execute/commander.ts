/** Commands real worker processes: a `test/step` cell connects here, says who it is, and does what it is told. */
import { createServer, type Server, type Socket } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface Hello {
  readonly label: string;
  readonly pid: number;
  readonly secret?: string;
}

/** One cell that waits for commands. */
export class Invocation {
  readonly hello: Hello;
  /** Resolves when the worker hangs up, which its death does too. */
  readonly gone: Promise<void>;
  readonly #socket: Socket;
  readonly #lines: AsyncIterator<string>;

  constructor(hello: Hello, socket: Socket, lines: AsyncIterator<string>) {
    this.hello = hello;
    this.gone = new Promise((resolve) => socket.once('close', () => resolve()));
    this.#socket = socket;
    this.#lines = lines;
  }

  /** Sends a command that is answered when it is done. */
  async tell(command: string): Promise<void> {
    this.send(command);
    const answer = await this.#lines.next();
    if (answer.value !== 'ok') throw new Error(`expected ok after ${command}, found ${String(answer.value)}`);
  }

  /** Sends a last command. */
  send(command: string): void {
    this.#socket.write(`${command}\n`);
  }

  finish(): void {
    this.send('finish');
  }
}

export class Commander {
  readonly path: string;
  readonly #folder: string;
  readonly #server: Server;
  readonly #arrived: Invocation[] = [];
  readonly #waiting: {
    readonly label: string | undefined;
    readonly take: (invocation: Invocation) => void;
  }[] = [];
  /** Labels in order of arrival. */
  readonly seen: string[] = [];

  constructor() {
    this.#folder = mkdtempSync(join(tmpdir(), 'moft-test-'));
    this.path = join(this.#folder, 's');
    this.#server = createServer((socket) => void this.#greet(socket)).listen(this.path);
  }

  /** The next cell that begins, or the next one with a label. */
  next(label?: string): Promise<Invocation> {
    const at = this.#arrived.findIndex(({ hello }) => label === undefined || hello.label === label);
    const [found] = at < 0 ? [] : this.#arrived.splice(at, 1);
    if (found) return Promise.resolve(found);
    return new Promise((take) => this.#waiting.push({ label, take }));
  }

  close(): void {
    this.#server.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #greet(socket: Socket): Promise<void> {
    socket.on('error', () => undefined);
    const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
    const first = await lines.next();
    if (first.done === true) return;
    const hello = JSON.parse(first.value) as Hello;
    this.seen.push(hello.label);
    const invocation = new Invocation(hello, socket, lines);
    const at = this.#waiting.findIndex(({ label }) => label === undefined || label === hello.label);
    const [waiting] = at < 0 ? [] : this.#waiting.splice(at, 1);
    if (waiting) waiting.take(invocation);
    else this.#arrived.push(invocation);
  }
}
