/** A command's whole surroundings, from its empty folder to its outputs in the attempt. */
import { appendFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import type { ArtifactRef, Job, StageEventBody } from '../../../../schemas/protocol.js';
import { StageFailure, type CommandEnd, type LaidInput, type Workshop } from '../../../contract.js';
import { makeFolder } from '../../../store/disk.js';
import { digestOfFile } from '../../../store/file-digest.js';
import { errorCode } from '../../../store/problem.js';
import { removalTrouble, removeAll, takePlace, type Place } from './place.js';
import { runCommand } from './command.js';
import { EventsFile } from './events-file.js';
import { processFile } from './group.js';
import { layArtifact, layGathered, type Laying } from './lay.js';
import { holds } from './search.js';
import { patternsOf, Redactor, shortestSecret, type Pattern, type Secret } from './secrets.js';
import { takeOutput } from './take.js';

/** Milliseconds between looks at the events of a command. */
const pollEvery = 250;

export interface WorkshopContext {
  readonly job: Job;
  /** Folder of the attempt: its log and the note of the process group lie there. */
  readonly attempt: string;
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly emit: (event: StageEventBody) => void;
  readonly signal: AbortSignal;
  readonly grace: () => number;
  readonly onGroup: (group: number | undefined) => void;
  readonly onActivity: () => void;
}

/** Opens the workshop of a job, works in it and clears it. */
export async function inWorkshop<T>(
  context: WorkshopContext,
  work: (workshop: Workshop) => Promise<T>,
): Promise<T> {
  const { workspace } = context.job;
  if (workspace === undefined)
    throw new Error('internal error: the job of a command has no workspace; please report it');
  const secrets = patternsOf(readSecrets(context));
  const redactor = new Redactor(secrets);
  const redact = (text: string): string => redactor.text(text);
  try {
    const shop = new CommandWorkshop(context, await takePlace(workspace), { secrets, redact });
    return await workIn(shop, context, work);
  } catch (error) {
    throw masked(error, redact);
  }
}

async function workIn<T>(
  shop: CommandWorkshop,
  { signal }: WorkshopContext,
  work: (workshop: Workshop) => Promise<T>,
): Promise<T> {
  let faulty = true;
  try {
    const result = await work(shop);
    faulty = false;
    return result;
  } catch (error) {
    if (error instanceof StageFailure && error.failure.class !== 'user') faulty = false;
    if (signal.aborted) faulty = false;
    throw error;
  } finally {
    shop.close(faulty);
  }
}

/** A failure may name files, and a command may have named them after a secret. */
function masked(error: unknown, redact: (text: string) => string): unknown {
  if (error instanceof StageFailure)
    return new StageFailure(error.failure.class, error.failure.code, redact(error.message));
  if (error instanceof Error && errorCode(error) !== undefined) error.message = redact(error.message);
  return error;
}

/** Of the worker's variables, which are the declared ones and few others. */
function readSecrets({ job, variables }: WorkshopContext): readonly Secret[] {
  return (job.secrets ?? []).map((name) => {
    const value = variables[name] ?? '';
    if (Buffer.byteLength(value.trim()) >= shortestSecret) return { name, value };
    const what =
      value === ''
        ? 'is not set'
        : `has fewer than ${shortestSecret} bytes: it could not be kept out of logs`;
    throw new StageFailure('user', 'secret', `the secret ${name} ${what}`);
  });
}

interface Masking {
  readonly secrets: readonly Pattern[];
  readonly redact: (text: string) => string;
}

class CommandWorkshop implements Workshop {
  readonly folder: string;
  readonly home: string;
  readonly temporary: string;
  readonly events: string;
  readonly checkpoint: string;
  readonly #context: WorkshopContext;
  readonly #place: Place;
  readonly #secrets: readonly Pattern[];
  readonly #redact: (text: string) => string;
  readonly #linked = new Set<string>();

  constructor(context: WorkshopContext, place: Place, { secrets, redact }: Masking) {
    this.#context = context;
    this.#place = place;
    this.#secrets = secrets;
    this.#redact = redact;
    this.folder = join(place.folder, ...levelsUp(context.job));
    this.home = join(place.aside, 'home');
    this.temporary = join(place.aside, 'tmp');
    this.events = join(place.aside, 'events.jsonl');
    this.checkpoint = context.job.checkpoint ?? join(place.aside, 'checkpoint');
    for (const folder of [this.folder, this.home, this.temporary, this.checkpoint]) makeFolder(folder, 0o700);
  }

  variable(name: string): string | undefined {
    return this.#context.variables[name];
  }

  async lay(name: string, link: boolean): Promise<LaidInput> {
    const input = this.#context.job.inputs[name];
    const laying: Laying = { link, onLink: (blob) => this.#linked.add(blob) };
    if (input === undefined)
      throw new Error(`internal error: the job has no input ${name}; please report it`);
    if (Array.isArray(input)) {
      const path = join(this.#place.aside, 'inputs', name);
      await layGathered(input, path, laying);
      return { path };
    }
    const artifact = input as ArtifactRef;
    if (artifact.inPlace) return { path: artifact.path };
    const path =
      artifact.at === undefined ? join(this.#place.aside, 'inputs', name) : join(this.folder, artifact.at);
    await layArtifact(artifact, path, laying);
    return { path };
  }

  async run(script: string, variables: Readonly<Record<string, string>>): Promise<CommandEnd> {
    const { signal, grace, onActivity } = this.#context;
    const file = join(this.#place.aside, 'run.sh');
    writeFileSync(file, script);
    const log = join(this.#context.attempt, 'log.txt');
    const stop = new AbortController();
    const events = new EventsFile(this.events, (event) => this.#hear(event), this.#redact);
    const watching = this.#watchEvents(events, stop);
    try {
      const end = await runCommand({
        script: file,
        folder: this.folder,
        variables,
        mark: this.#place.aside,
        secrets: this.#secrets,
        // A bad event stops the command, and is what is thrown then.
        signal: AbortSignal.any([signal, stop.signal]),
        grace,
        onGroup: (group) => this.#own(group),
        onOutput: (bytes) => {
          onActivity();
          appendLog(log, bytes);
        },
        onNote: (markdown) => this.#context.emit({ type: 'note', markdown }),
      });
      await events.finish();
      this.#requireUnchanged();
      return end;
    } finally {
      clearInterval(watching);
      events.close();
    }
  }

  async collect(name: string, path: string): Promise<void> {
    const output = this.#context.job.outputs[name];
    if (!output) throw new Error(`internal error: the job has no output ${name}; please report it`);
    try {
      const named = await takeOutput({
        name,
        type: output.type,
        path,
        shown: relative(this.folder, path),
        folder: realpathSync(this.#place.folder),
        destination: output.path,
        secrets: this.#secrets,
        local: this.#place.folder,
      });
      if (named) this.#context.emit({ type: 'note', markdown: localNote(name, this.#place.folder) });
    } catch (error) {
      removeAll(output.path);
      throw error;
    }
  }

  /**
   * Never throws: what came of the command counts, whatever can't be cleared away behind it.
   *
   * @param faulty its checkpoint is not to be gone on from
   */
  close(faulty: boolean): void {
    const kept = faulty || this.#mayTell() ? removalTrouble(this.checkpoint) : undefined;
    if (kept !== undefined)
      this.#note(
        `its checkpoint ${kept}, and ${faulty ? 'the command failed' : 'may hold a secret'}: remove it by hand`,
      );
    const left = this.#place.release();
    if (left !== undefined)
      this.#note(
        `the working folder ${left}: remove it by hand. A container writes as you where it is told \`--user "$(id -u):$(id -g)"\``,
      );
  }

  /** Whether the checkpoint holds a secret, or can't be searched for one. */
  #mayTell(): boolean {
    try {
      return this.#secrets.length > 0 && holds(this.checkpoint, this.#secrets);
    } catch {
      return true;
    }
  }

  #note(markdown: string): void {
    try {
      this.#context.emit({ type: 'note', markdown: this.#redact(markdown) });
    } catch {
      // a disk that takes no events refuses the cell's own files, and is told of there
    }
  }

  #hear(event: StageEventBody): void {
    this.#context.onActivity();
    this.#context.emit(event);
  }

  #watchEvents(events: EventsFile, stop: AbortController): NodeJS.Timeout {
    return setInterval(() => {
      events.poll().catch((error: unknown) => stop.abort(error));
    }, pollEvery);
  }

  /** Written before the command runs, so that whoever must end it finds it; its number is anybody's when it has ended. */
  #own(group: number | undefined): void {
    this.#context.onGroup(group);
    const file = join(this.#context.attempt, processFile);
    if (group === undefined) forget(file);
    else writeFileSync(file, `${JSON.stringify(this.#place.own(group))}\n`);
  }

  /** As root, or by changing its rights, a command can write through a link into the store. */
  #requireUnchanged(): void {
    const changed = [...this.#linked].filter((blob) => digestOfFile(blob) !== basename(blob));
    if (changed.length === 0) return;
    throw new StageFailure(
      'user',
      'input-changed',
      `the command wrote to ${changed.length === 1 ? 'an input' : `${changed.length} files of its inputs`}, which \`link: true\` shares with the store; remove \`link\`, or let it write elsewhere`,
    );
  }
}

/** The working folder lies as deep as declared paths lead up, so that they stay in the workspace. */
function levelsUp({ inputs }: Job): readonly string[] {
  const ups = Object.values(inputs).map((input) => {
    const path = Array.isArray(input) ? undefined : (input as ArtifactRef).at;
    return `${path ?? '.'}/.`.split('/').findIndex((part) => part !== '..');
  });
  return Array.from({ length: Math.max(0, ...ups) }, () => 'here');
}

const localNote = (name: string, folder: string): string =>
  `the output \`${name}\` holds the path of its working folder (${folder}), which means nothing elsewhere`;

/** One that stays on a read-only disk is told by the exit.json beside it, or by the start of its leader. */
function forget(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // what the command ended with counts
  }
}

/** What a command prints is a courtesy: a full disk must not fail it. */
function appendLog(file: string, bytes: Buffer): void {
  try {
    appendFileSync(file, bytes);
  } catch {
    // its own writes fail for the same reason, and say so
  }
}
