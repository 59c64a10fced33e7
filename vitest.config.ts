import { defineConfig } from 'vitest/config'

/** Files at a time. A file may start workers and children of its own, so there are few. */
const WORKERS = Number(process.env.CHANCY_TEST_WORKERS ?? 2)

/** What also runs as a role that owns nothing, in a database with a publication of all tables. */
const AS_ROLES = [
  ...['worker', 'push', 'limits', 'explain', 'reading', 'waiting', 'queues-and-workers'],
  ...['transactional-push', 'sql-push'],
]

const onServer = (name: string, seconds: number) => ({
  extends: true as const,
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    globalSetup: ['test/support/server.ts'],
    testTimeout: seconds * 1_000,
    hookTimeout: seconds * 1_000,
  },
})

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: WORKERS,
    reporters: ['default', './test/support/tally-reporter.ts'],
    projects: [
      {
        extends: true,
        // The longest take a second alone, and several on a machine that is busy.
        test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 30_000 },
      },
      onServer('integration', 30),
      onServer('conformance', 30),
      onServer('chaos', 120),
      {
        extends: true,
        test: {
          name: 'roles',
          include: AS_ROLES.map((name) => `test/integration/${name}.test.ts`),
          globalSetup: ['test/support/roles-server.ts'],
          env: { CHANCY_TEST_ROLE: 'chancy_test_worker' },
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
    ],
  },
})
