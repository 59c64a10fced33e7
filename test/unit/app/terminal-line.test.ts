import { describe, expect, it } from 'vitest'
import { terminalLine } from '../../../src/app/terminal-line.ts'

const plain = (fields: Record<string, unknown>) => terminalLine(fields, (text) => text)

describe('a line on a terminal', () => {
  it('is the message, and its fields behind it, the reason first', () => {
    expect(
      plain({
        msg: 'job failed',
        level: 50,
        time: 1,
        name: 'mail',
        job: 'a-b',
        reason: 'no route',
      }),
    ).toBe('job failed  reason="no route" job=a-b')
  })

  it('shows values so that each is one word or in quotes, and lists by their parts', () => {
    expect(
      plain({
        msg: 'said',
        text: 'a "b"\nc',
        empty: '',
        none: null,
        gone: undefined,
        yes: true,
        list: ['x', 'y z'],
        nothing: [],
        queues: [
          { queue: 'default', executor: 'inline', slots: 100 },
          { queue: 'mail', executor: 'process', slots: 4 },
        ],
        deep: { a: { b: 1 } },
      }),
    ).toBe(
      'said  text="a \\"b\\"\\nc" empty="" none=null yes=true list=x,"y z" nothing=none queues=default(inline,100),mail(process,4) deep={"a":{"b":1}}',
    )
  })

  it('paints the fields and not the message', () => {
    expect(terminalLine({ msg: 'said', a: 1 }, (text) => `<${text}>`)).toBe('said  <a=1>')
    expect(terminalLine({ msg: 'said' }, (text) => `<${text}>`)).toBe('said')
  })

  it('indents further lines, and lets no control character through', () => {
    expect(plain({ msg: 'one\n\u001b[2Jtwo', a: 1 })).toBe('one  a=1\n     [2Jtwo')
  })

  it('has the stack of an error below, without the frames that call every job', () => {
    const stack = [
      'TypeError: no',
      'second line',
      '    at send (file:///app/mail.js:3:9)',
      '    at runAttempt (file:///app/node_modules/chancy/dist/executors/run-attempt.js:19:26)',
      '    at InlineExecutor.run (file:///app/node_modules/chancy/dist/executors/inline-executor.js:47:26)',
      'caused by: Error: why',
      '    at connect (node:internal/net:1:1)',
      '    at other (file:///app/mail.js:4:9)',
    ].join('\n')
    const err = { type: 'TypeError', message: 'no: why', stack, code: 'ENO' }
    expect(plain({ msg: 'failed', err })).toBe(
      [
        'failed',
        '    TypeError: no',
        '    second line',
        '        at send (file:///app/mail.js:3:9)',
        '    caused by: Error: why',
        '        at other (file:///app/mail.js:4:9)',
        '    code=ENO',
      ].join('\n'),
    )
  })

  it('shows what is given as an error and is none', () => {
    expect(plain({ msg: 'failed', err: 'text' })).toBe('failed\n    text')
    expect(plain({ msg: 'failed', err: { a: 1 } })).toBe('failed\n    {"a":1}')
    expect(plain({ a: 1 })).toBe('a=1')
  })
})
