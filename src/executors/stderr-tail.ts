/** How much of what a child wrote last is kept with its end, in characters. */
export const STDERR_TAIL_CHARS = 1_024

const TRACE_HEADING = /^-+ (native|javascript) stack trace -+$/i
const TRACE_FRAME = /^\s*\d+: /

/**
 * The end of what a child wrote to stderr. Where not all of it fits, the stack traces that Node.js
 * prints after an abort give way to what the job printed before them: they grow with the length of
 * paths and symbols, and the log has them complete.
 */
export function stderrTail(text: string): string {
  const all = text.trim()
  if (all.length <= STDERR_TAIL_CHARS) return all
  return withoutTraces(all).slice(-STDERR_TAIL_CHARS).trim()
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
