import { type TestChancy, type TestChancyOptions, testChancy } from 'chancy/testing'
import { afterAll, afterEach, inject } from 'vitest'

/** Long enough for a busy machine; a test of a job that hangs has its own. */
const PATIENCE = '60s'

/** An application of the test kit on the server of the tests, reset after each test of a file. */
export async function testKit(options: TestChancyOptions): Promise<TestChancy> {
  const t = await testChancy({ database: inject('databaseUrl'), patience: PATIENCE, ...options })
  afterEach(() => t.reset())
  afterAll(() => t.close())
  return t
}
