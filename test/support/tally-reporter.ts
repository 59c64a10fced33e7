import { writeFileSync } from 'node:fs'
import type { Reporter, TestModule } from 'vitest/node'

/**
 * Ends a run with one plain line of numbers, which can be read without knowing vitest. The files that failed are written
 * to the file that CHANCY_FAILED_FILES names, a line each; none, where something failed outside of them.
 */
export default class TallyReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()])
    const states = tests.map((test) => test.result().state)
    const count = (state: string) => states.filter((one) => one === state).length
    // A file that cannot be loaded has no tests that could fail.
    const broken = modules.filter((module) => module.errors().length > 0).length
    const failed = count('failed') + broken + unhandledErrors.length
    const skipped = count('skipped')
    const list = process.env.CHANCY_FAILED_FILES
    if (list !== undefined && unhandledErrors.length === 0) {
      const files = modules.filter((module) => module.state() === 'failed')
      writeFileSync(list, files.map(({ moduleId }) => `${moduleId}\n`).join(''))
    }
    const line = `${count('passed')} passed, ${failed} failed`
    process.on('exit', () => console.log(skipped > 0 ? `${line}, ${skipped} skipped` : line))
  }
}
