/** Whether the tests run at their full size: more jobs, each setting by itself, more files under a role. */
const isFull = process.env.CHANCY_TEST_SIZE === 'full'

/** What a test takes at the size of CI, and at the full size that `npm run test:full` runs. */
export function sized<T>(small: T, full: T): T {
  return isFull ? full : small
}
