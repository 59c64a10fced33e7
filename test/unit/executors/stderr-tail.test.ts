import { describe, expect, it } from 'vitest'
import { STDERR_TAIL_CHARS, stderrTail } from '../../../src/executors/stderr-tail.ts'

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

describe('the end of what a child wrote to stderr', () => {
  it('are all that it wrote, where that is little', () => {
    expect(stderrTail('')).toBe('')
    expect(stderrTail('\n it broke\n\n')).toBe('it broke')
    expect(stderrTail(abort('it broke'))).toBe(abort('it broke').trim())
  })

  it('are the end of what it wrote, where that is much', () => {
    const said = `${'a'.repeat(STDERR_TAIL_CHARS)}the end`
    expect(stderrTail(said)).toBe(said.slice(-STDERR_TAIL_CHARS))
  })

  it('are not lost behind the stack traces of an abort, however long the paths are', () => {
    const folder = `/${'deep/'.repeat(400)}`
    expect(stderrTail(abort('it broke\nthe last words', folder))).toBe('it broke\nthe last words')
  })

  it('hold what came after the stack traces', () => {
    const folder = `/${'deep/'.repeat(400)}`
    const said = `${abort('it broke', folder)}\n1 core was dumped`
    expect(stderrTail(said)).toBe('it broke\n1 core was dumped')
  })
})
