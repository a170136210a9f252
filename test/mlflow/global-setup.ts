/** One server for all suites that need a plain one: starting it costs ten seconds. Nothing waits for it here. */
import type { TestProject } from 'vitest/node';
import { MlflowServer, programs } from './server.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** Address of the server that the suites share; undefined where MLflow is not installed. */
    mlflow: string | undefined;
  }
}

export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const server = programs ? await MlflowServer.start() : undefined;
  project.provide('mlflow', server?.address);
  return server && (() => server.close());
}
