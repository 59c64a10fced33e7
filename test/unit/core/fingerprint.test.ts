import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  fingerprintFromBigint,
  fingerprintOf,
  fingerprintToBigint,
  ownFrames,
  withoutVariables,
} from '../../../src/core/fingerprint.ts'
import { isFingerprint } from '../../../src/core/is-fingerprint.ts'
import type { AttemptErrorKind } from '../../../src/core/queued-job.ts'
import { type SerializedError, serializeError } from '../../../src/core/serialize-error.ts'

/** Failures that are alike. */
interface Group {
  readonly job: string
  readonly kind: AttemptErrorKind
  readonly name: string
  readonly code: string
  readonly messages: readonly string[]
  readonly stacks: readonly (readonly string[] | null)[]
}

const file = new URL('../../fixtures/failures.json', import.meta.url)
const groups: readonly Group[] = JSON.parse(readFileSync(file, 'utf8'))

const failuresOf = ({ name, code, messages, stacks }: Group): SerializedError[] =>
  messages.flatMap((message) =>
    stacks.map((frames) => ({
      ...{ name, message },
      stack:
        frames === null
          ? null
          : [`${name}: ${message}`, ...frames.map((one) => `    at ${one}`)].join('\n'),
      ...(code === '' ? {} : { code }),
    })),
  )

describe('The fingerprint of a failure', () => {
  it('is one for each group of the golden file, and another for each', () => {
    const seen = new Map<string, Group>()
    let failures = 0
    for (const group of groups) {
      const prints = failuresOf(group).map((one) => fingerprintOf(group.job, group.kind, one))
      failures += prints.length
      expect(new Set(prints), JSON.stringify(group)).toHaveProperty('size', 1)
      const [print] = prints
      expect(seen.get(print!), `${JSON.stringify(group)} meets`).toBeUndefined()
      seen.set(print!, group)
      expect(isFingerprint(print)).toBe(true)
    }
    expect(failures).toBeGreaterThanOrEqual(200)
  })

  it('stays what it was: groups that were stored keep their failures', () => {
    const error = serializeError(
      Object.assign(new Error('connect ECONNREFUSED 10.0.0.1:1'), {
        code: 'ECONNREFUSED',
        stack: 'x',
      }),
    )
    expect(fingerprintOf('digest', 'error', error)).toMatchInlineSnapshot(`"2526232bbc96e3bf"`)
    const lost = {
      name: 'AttemptError',
      message: 'The worker of this job was lost 3 times.',
      stack: null,
    }
    expect(fingerprintOf('digest', 'crash', lost)).toMatchInlineSnapshot(`"699ae968830474c6"`)
  })

  it('is made of the fingerprint that an error has itself, and of the name of the job', () => {
    const own = (message: string, fingerprint: unknown): SerializedError =>
      serializeError(Object.assign(new Error(message), { fingerprint }))
    const print = fingerprintOf('digest', 'error', own('one', 'billing'))
    expect(fingerprintOf('digest', 'timeout', own('another', 'billing'))).toBe(print)
    expect(fingerprintOf('digest', 'error', own('one', 'mail'))).not.toBe(print)
    expect(fingerprintOf('charge', 'error', own('one', 'billing'))).not.toBe(print)
    expect(fingerprintOf('digest', 'error', own('one', 7))).not.toBe(print)
  })

  it('travels as a signed number of 64 bits and comes back', () => {
    for (const hex of [
      '0000000000000000',
      'ffffffffffffffff',
      '8000000000000000',
      '7fffffffffffffff',
    ])
      expect(fingerprintFromBigint(fingerprintToBigint(hex))).toBe(hex)
    expect(fingerprintToBigint('ffffffffffffffff')).toBe('-1')
  })

  it('is made of any message and any stack, however long and however they are repeated', () => {
    for (const one of [
      'a',
      '1',
      '/',
      'a:',
      '"',
      "'",
      '\\',
      'a.',
      'a@',
      '[',
      'ab12:',
      '=',
      '\n    at ',
      '(',
      '🎉',
    ]) {
      const text = one.repeat(8_192 / one.length)
      expect(withoutVariables(text).length).toBeLessThanOrEqual(200)
      expect(ownFrames(text).length).toBeLessThanOrEqual(3)
    }
  })

  it('has the frames of the error itself, and none of what caused it', () => {
    const stack =
      'Error: a\n    at one (/x/a.js:1:1)\nCaused by: Error: b\n    at two (/x/b.js:1:1)'
    expect(ownFrames(stack)).toEqual(['one a.js'])
  })
})
