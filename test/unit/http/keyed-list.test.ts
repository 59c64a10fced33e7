import { describe, expect, it } from 'vitest'
import { KeyedList } from '../../../src/http/routes/keyed-list.ts'

describe('the cursor of a list', () => {
  const list = new KeyedList('schedules', 'active')

  it('gives the key that it was made of', () => {
    expect(list.keyOf(list.cursor('nightly: ü'))).toBe('nightly: ü')
    expect(list.keyOf(undefined)).toBeUndefined()
  })

  it.each([
    ['another list', new KeyedList('groups', 'active').cursor('nightly')],
    ['another filter', new KeyedList('schedules', undefined).cursor('nightly')],
    ['no list', Buffer.from('nightly').toString('base64url')],
    ['an empty key', new KeyedList('schedules', 'active').cursor('')],
    ['no text', Buffer.from('{}').toString('base64url')],
  ])('of %s is refused', (_, cursor) => {
    expect(() => list.keyOf(cursor)).toThrow(expect.objectContaining({ code: 'CURSOR_INVALID' }))
  })
})
