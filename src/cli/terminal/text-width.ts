/**
 * How many columns of a terminal a text takes, and texts that take no more than they may.
 *
 * Source: East Asian Width of Unicode (UAX #11), wide and fullwidth; emoji that are shown as pictures take two.
 */

const WIDE =
  /\p{Emoji_Presentation}|\p{Extended_Pictographic}\ufe0f|[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18dff}\u{1aff0}-\u{1b2ff}\u{1f200}-\u{1f2ff}\u{20000}-\u{3fffd}]/u
const NOTHING = /^[\p{Mn}\p{Me}\p{Cf}]+$/u
const PLAIN = /^[\x20-\x7e]*$/
/** What a stored text must not do to a terminal: move its cursor, turn its line around, break it. */
const UNSAFE =
  /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]/gu
const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

export function textWidth(text: string): number {
  if (PLAIN.test(text)) return text.length
  let width = 0
  for (const { segment } of segmenter.segment(text)) width += widthOf(segment)
  return width
}

/** The text, or its beginning and `…`, in at most `columns` columns. */
export function cutText(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text
  let [kept, width] = ['', 0]
  for (const { segment } of segmenter.segment(text)) {
    width += widthOf(segment)
    if (width > columns - 1) break
    kept += segment
  }
  return columns < 1 ? '' : `${kept}…`
}

export function padText(text: string, columns: number, side: 'start' | 'end' = 'end'): string {
  const space = ' '.repeat(Math.max(0, columns - textWidth(text)))
  return side === 'end' ? `${text}${space}` : `${space}${text}`
}

/** In lines of at most `columns` columns: between words where there are such, else anywhere. */
export function wrapText(text: string, columns: number): string[] {
  const lines = ['']
  let width = 0
  for (const part of text.split(/(?<=\s)/u)) {
    if (width > 0 && width + textWidth(part.trimEnd()) > columns) {
      lines.push('')
      width = 0
    }
    for (const { segment } of segmenter.segment(part)) {
      const own = widthOf(segment)
      if (width + own > columns && segment.trim() !== '') {
        lines.push('')
        width = 0
      }
      lines[lines.length - 1] += segment
      width += own
    }
  }
  return lines.map((line) => line.trimEnd())
}

/** One line, with escapes in the place of what a terminal would obey. */
export function printable(text: string): string {
  return text.replaceAll(UNSAFE, escaped)
}

/** As `printable`, of a text whose lines and tabs are meant. */
export function printableLines(text: string): string {
  return text.replaceAll(UNSAFE, (one) => (one === '\n' || one === '\t' ? one : escaped(one)))
}

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0
  const hex = code.toString(16)
  return (
    NAMED[character] ?? (code < 256 ? `\\x${hex.padStart(2, '0')}` : `\\u${hex.padStart(4, '0')}`)
  )
}

function widthOf(grapheme: string): number {
  if (WIDE.test(grapheme)) return 2
  return NOTHING.test(grapheme) ? 0 : 1
}
