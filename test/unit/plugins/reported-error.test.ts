import { describe, expect, it } from 'vitest'
import { serializeError, stackWithCauses } from '../../../src/core/serialize-error.ts'
import { reportedError } from '../../../src/plugins/sentry/reported-error.ts'

const stored = (thrown: unknown) => {
  const error = serializeError(thrown)
  const { name, message } = error
  const at = new Date(0)
  return { attempt: 1, at, kind: 'error' as const, name, message, stack: stackWithCauses(error) }
}

describe('the error of a failed attempt', () => {
  it('has its name, its message, its own frames and its causes as they were thrown', () => {
    const deepest = new RangeError('two\nlines')
    const middle = new Error('', { cause: deepest })
    const thrown = Object.assign(new TypeError('top', { cause: middle }), { code: 'E_TOP' })
    const error = reportedError(stored(thrown))
    expect([error.name, error.message]).toEqual(['TypeError', 'top'])
    expect(error.stack?.split('\n')[0]).toBe('TypeError: top')
    expect(error.stack).toContain('reported-error.test.ts')
    expect(error.stack).not.toContain('E_TOP')
    expect(error.stack).not.toContain('RangeError')
    const cause = error.cause as Error
    expect([cause.name, cause.message]).toEqual(['Error', ''])
    const last = cause.cause as Error
    expect([last.name, last.message]).toEqual(['RangeError', 'two\nlines'])
    expect(last.stack).toContain('reported-error.test.ts')
    expect(last.cause).toBeUndefined()
  })

  it('has several errors where several were thrown', () => {
    const thrown = new AggregateError([new TypeError('one'), new RangeError('two')], 'both')
    const error = reportedError(stored(thrown)) as AggregateError
    expect(error.message).toBe('both')
    expect(error.errors.map(({ name, message }: Error) => `${name}: ${message}`)).toEqual([
      'TypeError: one',
      'RangeError: two',
    ])
  })

  it('has no causes and frames of lines of its message', () => {
    const message = 'line\nCaused by: nothing\n    at fake (a.js:1:1)'
    const error = reportedError(stored(new Error(message, { cause: new Error('real') })))
    expect(error.message).toBe(message)
    expect((error.cause as Error).message).toBe('real')
    const frames = error.stack?.slice(`Error: ${message}`.length)
    expect(frames).toContain('reported-error.test.ts')
    expect(frames).not.toContain('fake')
  })

  it('has a head and no frames where nothing has a stack', () => {
    const failure = {
      ...stored(new Error('x')),
      name: 'AttemptError',
      message: 'late',
      stack: null,
    }
    expect(reportedError(failure)).toMatchObject({ name: 'AttemptError', message: 'late' })
    expect(reportedError(failure).stack).toBe('AttemptError: late')
    expect(reportedError(stored('only text'))).toMatchObject({ message: 'only text' })
  })
})
