import { describe, expect, it } from 'vitest'
import type { ClaimedJob } from '../../../src/core/claimed-job.ts'
import { parseRun, parseUsage, runLine, usageText } from '../../../src/executors/protocol.ts'

const job = (args: string): ClaimedJob =>
  ({
    id: 'a',
    name: 'tab\tand\nfeed',
    args,
    extras: { meta: { '\t': '\n' } },
  }) as unknown as ClaimedJob

describe('a line that runs a job', () => {
  it.each(['{}', '{"a":"\\t\\n"}', '{"a":\t1}', '{"\u2028":"\u{1F600}\\u0041"}'])(
    'carries %s',
    (args) => {
      const line = runLine(7, { job: job(args), limits: { timeMs: 5 } })
      expect(line.indexOf('\n')).toBe(line.length - 1)
      expect(line.startsWith('r7\t')).toBe(true)
      expect(parseRun(line.slice(3, -1))).toEqual({ job: job(args), limits: { timeMs: 5 } })
    },
  )

  it('has line feeds between the tokens of its arguments replaced', () => {
    const line = runLine(7, { job: job('{\n"a": 1\n}'), limits: {} })
    expect(JSON.parse(parseRun(line.slice(3, -1)).job.args)).toEqual({ a: 1 })
  })
})

describe('usage', () => {
  it.each([
    { wallMs: 1.5, cpuMs: 0.25, peakBytes: 4_096 },
    { wallMs: 0, cpuMs: 0, peakBytes: 0 },
    { wallMs: 3, cpuMs: null, peakBytes: 1 },
    { wallMs: 3, cpuMs: 1, peakBytes: null },
    { wallMs: 3, cpuMs: null, peakBytes: null },
  ])('crosses as text: %o', (usage) => {
    expect(parseUsage(usageText(usage))).toEqual(usage)
  })
})
