/** Asks an engine in a process of its own: it may crash there, and TensorFlow.js holds one engine at a time. */
import { err, ok, type Result } from '../../schemas/result.js';
import type { EngineInfo, EngineName } from '../../stages/backend/engine-info.js';
import type { CheckResult } from '../../stages/lm/conformance/checks.js';
import type { EngineSpeed } from '../../stages/lm/conformance/speed.js';
import type { CliHost } from '../host.js';

/** What can be asked: whether it starts, how fast it is, whether it conforms. */
export interface Answers {
  readonly start: null;
  readonly speed: EngineSpeed;
  readonly check: readonly CheckResult[];
}
export type Task = keyof Answers;
export const tasks: readonly Task[] = ['start', 'speed', 'check'];

export interface Answer<T extends Task> {
  readonly info: EngineInfo;
  readonly answer: Answers[T];
}

/** `engines`: another folder of engines than the user's. */
export async function askEngine<T extends Task>(
  engine: EngineName,
  task: T,
  host: CliHost,
  engines?: string,
): Promise<Result<Answer<T>, string>> {
  const { runProgram, lastLines } = await import('../../stages/backend/manage/programs.js');
  const [program, ...args] = host.workerCommand;
  const ran = await runProgram(program, [...args.slice(0, -1), 'backend', 'inside', engine, task], {
    cwd: host.cwd,
    env: engines === undefined ? host.env : { ...host.env, MOFT_ENGINES: engines },
    timeout: 1_800_000,
  });
  const line = ran.stdout.trim().split('\n').at(-1) ?? '';
  if (!line.startsWith('{')) return err(`its process ended without an answer: ${lastLines(ran, 3)}`);
  const answer = JSON.parse(line) as Answer<T> & { readonly error?: string };
  return answer.error === undefined ? ok(answer) : err(answer.error);
}

/** The other side: starts the engine here and prints the answer as one line. */
export async function answerInside(engine: EngineName, task: Task, host: CliHost): Promise<void> {
  const answer = await answerTask(engine, task).catch((error: unknown) => ({
    error: error instanceof Error ? error.message : String(error),
  }));
  host.stdout.write(`${JSON.stringify(answer)}\n`);
}

async function answerTask(engine: EngineName, task: Task): Promise<Answer<Task>> {
  const { startEngine } = await import('../../stages/backend/engine.js');
  const info = await startEngine(engine);
  switch (task) {
    case 'start':
      return { info, answer: null };
    case 'speed': {
      const { measureSpeed } = await import('../../stages/lm/conformance/speed.js');
      return { info, answer: measureSpeed(() => performance.now()) };
    }
    case 'check': {
      const { checkNames, runCheck } = await import('../../stages/lm/conformance/checks.js');
      return { info, answer: checkNames.map(runCheck) };
    }
  }
}
