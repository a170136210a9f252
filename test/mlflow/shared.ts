/** What the suites against the shared server begin with. */
import { randomBytes } from 'node:crypto';
import { inject, onTestFinished } from 'vitest';
import {
  createClient,
  readSettings,
  type MlflowClient,
  type MlflowSettings,
  type Patience,
} from '../../runner/track/mlflow/index.js';
import { valueOf } from '../store/fixtures.js';

/** Empty where MLflow is not installed, and nothing that uses it runs. */
export const address = inject('mlflow') ?? '';

/** A name that no other test has. */
export const unique = (what: string): string => `${what}-${randomBytes(6).toString('hex')}`;

export const settingsOf = (uri: string, env: Record<string, string> = {}): MlflowSettings =>
  valueOf(readSettings(uri, { HOME: '/nowhere', ...env }));

export const impatient: Patience = { tries: 1, first: 1, most: 1 };

/** A client that is closed after the test. */
export function client(
  uri = address,
  { env = {}, patience }: { env?: Record<string, string>; patience?: Patience } = {},
): MlflowClient {
  const made = createClient(settingsOf(uri, env), patience ? { patience } : {});
  onTestFinished(() => made.close());
  return made;
}

export const now = 1_800_000_000_000;
