import { describe, expect, it } from 'vitest'
import { LAST_WORDS_CHARS, lastWords } from '../../../src/executors/last-words.ts'

const frames = (count: number, of: string) =>
  Array.from({ length: count }, (_, at) => ` ${at + 1}: 0xd3a3c0 ${of} [/opt/node/bin/node]`)

function abort(saying: string, folder = '/app'): string {
  const native = [
    '----- Native stack trace -----',
    '',
    ...frames(5, 'v8::internal::Call(v8::Info)'),
  ]
  const javascript = ['----- JavaScript stack trace -----', '', `1: file://${folder}/job.mjs:9:11`]
  return [saying, ...native, '', ...javascript, '2: emit (node:events:524:28)', '', ''].join('\n')
}

describe('the last words of a child', () => {
  it('are all that it wrote, where that is little', () => {
    expect(lastWords('')).toBe('')
    expect(lastWords('\n it broke\n\n')).toBe('it broke')
    expect(lastWords(abort('it broke'))).toBe(abort('it broke').trim())
  })

  it('are the end of what it wrote, where that is much', () => {
    const said = `${'a'.repeat(LAST_WORDS_CHARS)}the end`
    expect(lastWords(said)).toBe(said.slice(-LAST_WORDS_CHARS))
  })

  it('are not lost behind the stack traces of an abort, however long the paths are', () => {
    const folder = `/${'deep/'.repeat(400)}`
    expect(lastWords(abort('it broke\nthe last words', folder))).toBe('it broke\nthe last words')
  })

  it('hold what came after the stack traces', () => {
    const folder = `/${'deep/'.repeat(400)}`
    const said = `${abort('it broke', folder)}\n1 core was dumped`
    expect(lastWords(said)).toBe('it broke\n1 core was dumped')
  })
})
