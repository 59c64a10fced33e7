import { describe, expect, it } from 'vitest'
import { parseChildMessage } from '../../../../src/executors/pool/child-message.ts'

const usage = { wallMs: 1.5, cpuMs: null, peakBytes: 7 }
const error = { name: 'Error', message: 'no', stack: null }

describe('a line of a child', () => {
  it.each([
    ['b7', { kind: 'begun', seq: 7 }],
    ['a7', { kind: 'stop-received', seq: 7 }],
    ['n7', { kind: 'returned', seq: 7 }],
    ['k7', { kind: 'kept', seq: 7 }],
    ['x7', { kind: 'exiting', seq: 7 }],
    ['p7\t{"a":1}', { kind: 'progress', seq: 7, value: '{"a":1}' }],
    ['w3', { kind: 'width-set' }],
    ['u', { kind: 'broken' }],
    ['h1', { kind: 'signal-handlers', has: true }],
    ['h0', { kind: 'signal-handlers', has: false }],
    ['m\t"file:///jobs.js"', { kind: 'loading', module: 'file:///jobs.js' }],
    [
      'R\t{"heapLimitBytes":1,"cpuMs":2,"bytes":3}',
      { kind: 'ready', ready: { heapLimitBytes: 1, cpuMs: 2, bytes: 3 } },
    ],
    [`F\t${JSON.stringify(error)}`, { kind: 'boot-failed', error }],
    ['l0\t["info",{},"text"]', { kind: 'log', seq: 0, line: ['info', {}, 'text'] }],
    ['l7\t["warn",{"a":1}]', { kind: 'log', seq: 7, line: ['warn', { a: 1 }] }],
    [
      'd7\t1.5,,7\t{"a":"\\t"}',
      { kind: 'ended', seq: 7, outcome: { kind: 'returned', result: '{"a":"\\t"}', usage } },
    ],
    ['d7\t1.5,,7\t', { kind: 'ended', seq: 7, outcome: { kind: 'returned', result: null, usage } }],
    [
      `o7\t1.5,,7\t${JSON.stringify({ kind: 'threw', error })}`,
      { kind: 'ended', seq: 7, outcome: { kind: 'threw', error, usage } },
    ],
    [
      'o7\t1.5,,7\t{"kind":"snoozed","delayMs":5}',
      { kind: 'ended', seq: 7, outcome: { kind: 'snoozed', delayMs: 5, usage } },
    ],
  ])('%j is read', (line, message) => {
    expect(parseChildMessage(line)).toEqual(message)
  })

  it.each([
    ['that is empty', ''],
    ['of an unknown kind', 'z7'],
    ['of no attempt', 'b'],
    ['of attempt 0', 'b0'],
    ['whose attempt is no number', 'b7b8'],
    ['with another answer about signals', 'h2'],
    ['with an end without usage', 'd7'],
    ['with an end without a second tab', 'd7\t1.5,,7'],
    ['with usage that is no number', 'd7\tx,,7\t1'],
    ['with an outcome that is no JSON', 'o7\t1.5,,7\t{'],
    ['with an outcome of an unknown kind', 'o7\t1.5,,7\t{"kind":"rich"}'],
    ['with an outcome that lacks its error', 'o7\t1.5,,7\t{"kind":"threw"}'],
    ['with an outcome that lacks its delay', 'o7\t1.5,,7\t{"kind":"snoozed"}'],
    ['with a log line of an unknown level', 'l0\t["loud",{}]'],
    ['with a log line without fields', 'l0\t["info","text"]'],
    ['with a ready report that is no JSON', 'R\t{'],
  ])('%s is refused', (_title, line) => {
    expect(() => parseChildMessage(line)).toThrow()
  })
})
