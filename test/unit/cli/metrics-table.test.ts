import { expect, it } from 'vitest'
import { answerText } from '../../../src/cli/terminal/answer-text.ts'
import { plainStyle } from '../../../src/cli/terminal/style.ts'
import { metrics } from '../../../src/plugins/metrics/metrics.ts'

const command = metrics().commands?.find(({ name }) => name === 'metrics')
const row = {
  ...{ at: new Date('2026-01-31T12:00:00Z'), started: 12_345, succeeded: 12_000, failed: 45 },
  ...{ retried: 0, cancelled: 0, crashed: 0 },
  ...{ waitP50: 1.25, waitP99: 12.5, runP50: 125, runP99: 1_250, cpuMs: 123_000 },
}
const textOf = (rows: readonly object[]): string =>
  answerText(command?.show?.(rows), { columns: 80, style: plainStyle })

it('The series of metrics fit into 80 columns, without counts that are zero everywhere', () => {
  const text = textOf([row, { ...row, waitP50: null }])
  expect(text).toContain('01-31 12:00:00')
  expect(text).not.toMatch(/retried|cancelled|crashed/)
  expect(text.split('\n')[2]).toMatch(
    /^01-31 12:00:00 +12345 +12000 +45 +1\.25 +12\.5 +125 +1250 +123000$/,
  )
  for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
})

it('A count that is not zero somewhere has its column, also where that no longer fits', () => {
  expect(textOf([row, { ...row, crashed: 2 }])).toMatch(/crashed/)
})
