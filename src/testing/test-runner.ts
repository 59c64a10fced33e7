import { ConfigError } from '../index.ts'

/** What the suite asks of a test runner: the two functions of Vitest, Jest and `node:test`. */
export interface TestRunner {
  describe(name: string, suite: () => void): unknown
  it(name: string, test: () => Promise<void>): unknown
}

/** The functions that were given, or the global ones. @throws {ConfigError} when there are none */
export function testRunner(given: TestRunner | undefined): TestRunner {
  const found = given ?? (globalThis as Partial<TestRunner>)
  const { describe, it } = found
  if (typeof describe === 'function' && typeof it === 'function') return { describe, it }
  throw new ConfigError(
    "describePlugin: there are no global describe() and it(). Give those of the test runner: describePlugin(make, { runner: { describe, it } }), imported from 'vitest', 'node:test' or '@jest/globals'.",
  )
}
