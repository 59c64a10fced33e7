/** How much of what a child wrote last is kept with its end, in characters. */
export const LAST_WORDS_CHARS = 1_024

const TRACE_HEADING = /^-+ (native|javascript) stack trace -+$/i
const TRACE_FRAME = /^\s*\d+: /

/**
 * The end of what a child wrote to stderr. Where not all of it fits, the stack traces that Node.js
 * prints after an abort give way to what the job said before them: they grow with the length of
 * paths and symbols, and the log has them whole.
 */
export function lastWords(said: string): string {
  const whole = said.trim()
  if (whole.length <= LAST_WORDS_CHARS) return whole
  return withoutTraces(whole).slice(-LAST_WORDS_CHARS).trim()
}

function withoutTraces(text: string): string {
  const kept: string[] = []
  let isTrace = false
  for (const line of text.split('\n')) {
    if (TRACE_HEADING.test(line.trim())) isTrace = true
    else if (isTrace && line.trim() !== '' && !TRACE_FRAME.test(line)) isTrace = false
    if (!isTrace) kept.push(line)
  }
  return kept.join('\n').trim()
}
