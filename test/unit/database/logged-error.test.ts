import { describe, expect, it } from 'vitest'
import { loggedError } from '../../../src/database/logged-error.ts'

describe('an error in the log', () => {
  it('of PostgreSQL is its message and SQLSTATE, since its details show rows', () => {
    const error = Object.assign(new Error('null value in column "name"'), {
      code: '23502',
      severity: 'ERROR',
      detail: 'Failing row contains (1, {"card": "4111"})',
      where: 'PL/pgSQL function finish_1',
    })
    expect(loggedError(error)).toEqual({ sqlState: '23502', reason: 'null value in column "name"' })
  })

  it('of anything else is itself, with its stack', () => {
    const error = new TypeError('no')
    expect(loggedError(error).err).toBe(error)
    expect(loggedError('text')).toEqual({ err: 'text' })
  })
})
