import { Option } from 'commander'
import type { Diagnosis } from '../../index.ts'
import { command } from '../program/command.ts'
import { styledState } from '../terminal/style.ts'
import type { Layout } from '../terminal/table.ts'
import { padText, printable, wrapText } from '../terminal/text-width.ts'
import { schemaApplication } from './schema/schema-application.ts'

/** As wide as the longest level, and two more. */
const LEVEL_COLUMNS = 9
const MIN_COLUMNS = 30

export const doctor = command<{ readonly strict?: boolean }>({
  name: 'doctor',
  summary: 'check the server, the schema, workers, queues and jobs; exits with 1 at an error',
  details:
    'Each check takes two seconds at most, and one that cannot see something says so. Nothing is written but one notification to itself.',
  options: [new Option('--strict', 'exit with 1 at a warning too')],
  examples: [{ text: 'In a pipeline, where a warning counts', command: 'chancy doctor --strict' }],
  async run(call, { strict = false }) {
    const found = await (await schemaApplication(call)).diagnose()
    const isNo = found.some(({ level }) => level === 'error' || (strict && level === 'warning'))
    return { value: found, shown: (layout: Layout) => textOf(found, layout), isNo }
  },
})

function textOf(found: readonly Diagnosis[], layout: Layout): string {
  const lines = found.flatMap((one) => linesOf(one, layout))
  return [...lines, '', summaryOf(found)].map((line) => `${line}\n`).join('')
}

/** A line where nothing wraps; in a terminal what to do stands below. */
function linesOf({ level, title, found, todo }: Diagnosis, { columns, style }: Layout): string[] {
  const texts = [printable(`${title}: ${found}`)]
  if (todo !== null) texts.push(printable(`To do: ${todo}`))
  const room = columns === null ? null : Math.max(MIN_COLUMNS, columns - LEVEL_COLUMNS)
  const lines = room === null ? [texts.join(' ')] : texts.flatMap((text) => wrapText(text, room))
  return lines.map((line, at) => {
    const first = styledState(padText(level, LEVEL_COLUMNS), style)
    if (at > 0) return `${' '.repeat(LEVEL_COLUMNS)}${line}`
    return line.startsWith(title)
      ? `${first}${style('bold', title)}${line.slice(title.length)}`
      : first + line
  })
}

function summaryOf(found: readonly Diagnosis[]): string {
  const count = (level: string): number => found.filter((one) => one.level === level).length
  const [errors, warnings] = [count('error'), count('warning')]
  if (errors + warnings === 0) return `All ${found.length} checks are ok.`
  return `${found.length} checks: ${counted(errors, 'error')}, ${counted(warnings, 'warning')}.`
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
