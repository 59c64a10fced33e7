import { configDefaults, defineConfig } from 'vitest/config'
import { sized } from './test/support/size.ts'

/** Files at a time. A file may start workers and children of its own, so there are few. */
const WORKERS = Number(process.env.CHANCY_TEST_WORKERS ?? 3)

/** The files of the built package. */
const BUILT = /^(?!.*\/node_modules\/).*\/dist\/.*\.js$/

/**
 * What also runs as a role that owns nothing, in a database with a publication of all tables; at full size
 * the longest files too.
 */
const AS_ROLES = [
  'push',
  ...sized(
    [],
    [
      'transactional-push',
      'sql-push',
      'limits',
      'explain',
      'reading',
      'waiting',
      'worker',
      'queues-and-workers',
    ],
  ),
]

/** What the suite of CI has no time for. */
const AT_FULL_SIZE = ['test/browser/live.test.ts', 'test/chaos/exact-limits.test.ts']
const exclude = [...configDefaults.exclude, ...sized(AT_FULL_SIZE, [])]

const onServer = (name: string, seconds: number) => ({
  extends: true as const,
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    exclude,
    globalSetup: ['test/support/server.ts'],
    testTimeout: seconds * 1_000,
    hookTimeout: seconds * 1_000,
  },
})

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: WORKERS,
    // What is polled for is waited for as long as by `until`.
    expect: { poll: { timeout: 30_000 } },
    // As an application loads it: natively, without a transformation.
    server: { deps: { external: [BUILT] } },
    reporters: ['default', './test/support/tally-reporter.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          // A process runs many files: most of them take less time than its start.
          isolate: false,
          // The longest take a second alone, and several on a machine that is busy.
          testTimeout: 30_000,
        },
      },
      // Long, since a machine that is busy is no fault: a test that hangs is one, whenever it is noticed.
      onServer('integration', 60),
      onServer('conformance', 60),
      onServer('chaos', 120),
      // Its packages are installed by the file itself, which takes as long as the registry does.
      onServer('libraries', 120),
      {
        extends: true,
        test: {
          name: 'browser',
          include: ['test/browser/**/*.test.ts'],
          exclude,
          globalSetup: ['test/support/server.ts', 'test/support/browser.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'roles',
          include: AS_ROLES.map((name) => `test/integration/${name}.test.ts`),
          globalSetup: ['test/support/roles-server.ts'],
          env: { CHANCY_TEST_ROLE: 'chancy_test_worker' },
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
})
