import { describe, expect, it } from 'vitest'
import { answerText } from '../../../src/cli/terminal/answer-text.ts'
import { plainStyle } from '../../../src/cli/terminal/style.ts'
import { textWidth } from '../../../src/cli/terminal/text-width.ts'

const at = (columns: number | null) => ({ columns, style: plainStyle })
const ID = '0192f3a4-8b1c-7d2e-9f30-123456789abc'
const widest = (text: string): number => Math.max(...text.split('\n').map(textWidth))

describe('A table', () => {
  it('has a column a field, numbers to the right, and no space at the end of a line', () => {
    const rows = [
      { name: 'mail', waiting: 12, nextAt: new Date(0), paused: false },
      { name: 'reports', waiting: 3, nextAt: null, paused: true },
    ]
    expect(answerText(rows, at(80))).toBe(
      [
        'name     waiting  next at               paused',
        'mail          12  1970-01-01T00:00:00Z  no',
        'reports        3  -                     yes',
        '',
      ].join('\n'),
    )
  })

  it('cuts its longest texts first to fit, and never an id, a number or a time', () => {
    const rows = [
      { id: ID, name: 'a-very-long-name-of-a-job', at: new Date(0), error: 'x'.repeat(90) },
    ]
    const text = answerText(rows, at(90))
    expect(widest(text)).toBeLessThanOrEqual(90)
    expect(text).toContain(ID)
    expect(text).toContain('1970-01-01T00:00:00Z')
    expect(text).toMatch(/x…/)
  })

  it('leaves out columns without a value before it cuts', () => {
    const rows = [{ id: ID, nothing: null, name: 'x'.repeat(38) }]
    expect(answerText(rows, at(80))).not.toContain('nothing')
    expect(answerText(rows, at(80))).toContain('x'.repeat(38))
    expect(answerText(rows, at(120))).toContain('nothing')
  })

  it('breaks a title of several words into lines when the width is short', () => {
    const rows = [{ firstLongTitle: 1, secondLongTitle: 2, thirdLongTitle: 3 }]
    expect(answerText(rows, at(24))).toBe(
      [
        'first  second  third',
        ' long    long   long',
        'title   title  title',
        '    1       2      3',
        '',
      ].join('\n'),
    )
  })

  it('becomes a list of fields where it cannot fit', () => {
    const rows = [{ id: ID, other: ID, third: ID }]
    expect(answerText([...rows, ...rows], at(80))).toBe(
      [`id     ${ID}`, `other  ${ID}`, `third  ${ID}`, '']
        .join('\n')
        .repeat(2)
        .replace(/\n(?=id)/, '\n\n'),
    )
  })

  it.each([20, 40, 80, 200])(
    'has no line wider than %i columns, whatever the texts are',
    (columns) => {
      const rows = [
        { name: '日本語のとても長い名前'.repeat(5), other: '👩‍👩‍👧‍👦 family 🇩🇪', count: 1 },
        { name: 'e\u0301'.repeat(40), other: '\u001b[31mred\u202eevil\nline', count: 22 },
      ]
      const text = answerText(rows, at(columns))
      expect(widest(text)).toBeLessThanOrEqual(columns)
      expect(text).not.toMatch(/[\u001b\u202e]/)
    },
  )

  it('aligns texts with wide characters', () => {
    const rows = [
      { name: '日本', state: 'x' },
      { name: 'mail', state: 'y' },
    ]
    expect(answerText(rows, at(80))).toBe('name  state\n日本  x\nmail  y\n')
  })

  it('shows control characters as escapes, so that no stored text moves the cursor', () => {
    expect(answerText([{ name: 'a\u001b]0;x\u0007b\nc\u202ed' }], at(null))).toBe(
      'name\na\\x1b]0;x\\x07b\\nc\\u202ed\n',
    )
  })

  it('is whole where the output is no terminal', () => {
    expect(answerText([{ text: 'x'.repeat(500) }], at(null))).toContain('x'.repeat(500))
  })

  it('is the word none without rows', () => {
    expect(answerText([], at(80))).toBe('none\n')
  })
})

describe('One object', () => {
  it('has a field a line, wrapped under its value, with tables of its rows below', () => {
    const value = { name: 'mail', args: { text: 'word '.repeat(12).trim() }, ticks: [{ at: 1 }] }
    expect(answerText(value, at(40))).toBe(
      [
        'name  mail',
        'args  {"text":"word word word word word',
        '      word word word word word word',
        '      word"}',
        '',
        'ticks',
        'at',
        ' 1',
        '',
      ].join('\n'),
    )
  })

  it('keeps the lines of a stack', () => {
    expect(answerText({ error: 'Error: x\n    at y' }, at(80))).toBe(
      'error  Error: x\n           at y\n',
    )
  })
})
