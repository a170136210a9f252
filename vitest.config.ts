import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** The longest suites, about by length: begun last, one of them would keep one core while the others have nothing to do. */
const longest = [
  'backend/conformance',
  'fuzz/fuzz',
  'faults/processes',
  'mlflow/outbox',
  'cli/explain',
  'mlflow/absent',
  'lm/parity',
  'mlflow/restarts',
  'cli/same-bytes',
  'faults/store',
  'mlflow/cli',
  'cli/runs',
].map((name) => `/test/${name}.test.ts`);

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const place = longest.findIndex((name) => moduleId.endsWith(name));
      return place < 0 ? longest.length : place;
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/cli/global-setup.ts', 'test/mlflow/global-setup.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: 'forks',
    // Many tests wait for processes of their own, so a worker a core leaves no core idle.
    maxWorkers: '100%',
    sequence: { sequencer: LongestFirst },
  },
});
