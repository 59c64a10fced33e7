// Makes docs/reference/logs.md from the calls of loggers in src (--write), or says that it is stale: levels, messages and
// fields are read there. When a line is written stands in log-lines.mjs; a line without an entry there is an error, and
// so is an entry without a line.
import { writeOrCompare } from './compare.mjs'
import { OF_EVENTS, WHEN } from './log-lines.mjs'
import { report, sourceFiles, textOf, walk } from './source-tree.mjs'

const LEVELS = ['debug', 'info', 'warn', 'error']
const files = sourceFiles('src')
const beginnings = Object.keys(WHEN)
const lines = files.flatMap(linesOf)
for (const line of lines) line.key = beginnings.find((one) => line.message.startsWith(one))
const problems = [
  ...lines
    .filter(({ key }) => key === undefined)
    .map(({ file, message }) => `${file} logs "${message}": say when in scripts/log-lines.mjs`),
  ...beginnings
    .filter((one) => !lines.some(({ key }) => key === one))
    .map((one) => `scripts/log-lines.mjs has "${one}", which no file logs`),
]
if (problems.length > 0) report(problems, '')
else writeOrCompare('docs/reference/logs.md', page())

function linesOf(file) {
  const text = textOf(file)
  const constants = new Map()
  const objects = new Map()
  const found = []
  walk(file, (node) => {
    if (node.type !== 'VariableDeclarator' || node.init == null || node.id.type !== 'Identifier')
      return
    const said = messageOf(node.init, new Map())
    if (said !== null) constants.set(node.id.name, said)
    const init = node.init.type === 'TSAsExpression' ? node.init.expression : node.init
    if (init.type === 'ObjectExpression')
      objects.set(`${node.id.name}`, [...(objects.get(node.id.name) ?? []), init])
  })
  walk(file, (node) => {
    if (node.type !== 'CallExpression' || node.callee.type !== 'MemberExpression') return
    const { object, property, computed } = node.callee
    if (!/(^|[.#?])log$/.test(text.slice(object.start, object.end).replace('this.#log?', 'log')))
      return
    const levels = computed
      ? levelsOf(text, property)
      : LEVELS.includes(property.name)
        ? [property.name]
        : []
    if (levels.length === 0 || node.arguments.length < 2) return
    const message = messageOf(node.arguments[1], constants)
    if (message === null) return
    found.push({ file, levels, message, fields: fieldsOf(node.arguments[0], objects, text) })
  })
  return found
}

/** A level that is decided where it is logged: both sides of the nearest condition. */
function levelsOf(text, property) {
  const declared = text
    .slice(0, property.start)
    .match(/const level = [^\n]*\? '(\w+)' : '(\w+)'/g)
    ?.at(-1)
  return declared === undefined ? [] : [...declared.matchAll(/'(\w+)'/g)].map(([, level]) => level)
}

/** A text, with `…` for what varies; null for what is not known here. */
function messageOf(node, constants) {
  if (node.type === 'Literal' && typeof node.value === 'string') return node.value
  if (node.type === 'Identifier') return constants.get(node.name) ?? null
  if (node.type === 'TemplateLiteral') return node.quasis.map(({ value }) => value.cooked).join('…')
  return null
}

function fieldsOf(node, objects, text) {
  if (node.type === 'Identifier') {
    const before = (objects.get(node.name) ?? []).filter(({ start }) => start < node.start).at(-1)
    return before === undefined ? ['…'] : fieldsOf(before, objects, text)
  }
  if (node.type === 'CallExpression' && text.slice(node.start, node.end).startsWith('loggedError'))
    return ['sqlState', 'reason', 'err']
  if (node.type !== 'ObjectExpression') return ['…']
  return node.properties.flatMap((property) => {
    if (property.type !== 'SpreadElement') return [property.key.name ?? property.key.value]
    const spread = fieldsOf(property.argument, objects, text)
    const conditional = text.slice(property.start, property.end).match(/\{ (\w+)[:, }]/g) ?? []
    return spread[0] === '…' ? conditional.map((one) => one.match(/\w+/)[0]) : spread
  })
}

function page() {
  const rows = beginnings.map((key) => {
    const same = lines.filter((line) => line.key === key)
    const levels = [...new Set(same.flatMap((line) => line.levels))]
    const fields = new Set(same.flatMap((line) => line.fields).filter((field) => field !== '…'))
    for (const field of OF_EVENTS[key] ?? []) fields.add(field)
    const isLonger = same.some(({ message }) => message !== key)
    const message = `${key.trim()}${isLonger ? '…' : ''}`
    return {
      level: LEVELS.indexOf(levels.at(-1)),
      levels,
      message,
      fields: [...fields],
      when: WHEN[key],
    }
  })
  rows.sort((a, b) => b.level - a.level || (a.message < b.message ? -1 : 1))
  const texts = rows.map(({ levels, message, fields, when }) => [
    levels.join(', '),
    message,
    fields.map((field) => `\`${field}\``).join(', ') || '–',
    when,
  ])
  return `# Logs

<!-- Made from the source and scripts/log-lines.mjs by scripts/logs-doc.mjs. -->

<!-- blocks: types, it logs nothing by itself -->

The lines that Chancy logs, in its application and its workers. A change of state is a line, in the words of the
[events](events.md). A \`…\` stands for what varies. They go to the standard error, as one JSON object a line, or readable
on a terminal; the option \`logger\` takes any logger with the methods of pino, and its level decides what is written:

\`\`\`ts
import { Chancy } from 'chancy'
import { pino } from 'pino'

const chancy = new Chancy('postgresql://localhost/postgres', { logger: pino({ level: 'debug' }) })
\`\`\`

No line holds arguments or results of jobs. \`reason\` is the first line of the message of an error, at most 300
characters; an error of PostgreSQL is logged by its message and \`sqlState\` alone, since its details show rows. What a job
logs by \`context.log\` is its own, and has \`job\`, \`name\` and \`attempt\` added. \`name\` is always that of a job.

Lines about single jobs are at most 50 a minute for each name and kind; then a line says how many there were besides.

${table([['level', 'message', 'fields', 'when'], ...texts])}
`
}

/** As the formatter leaves it. */
function table(rows) {
  const widths = rows[0].map((_, at) => Math.max(...rows.map((row) => row[at].length)))
  const line = (cells, fill) =>
    `| ${cells.map((cell, at) => cell.padEnd(widths[at], fill)).join(' | ')} |`
  const [head, ...body] = rows
  return [
    line(head, ' '),
    line(
      head.map(() => ''),
      '-',
    ),
    ...body.map((row) => line(row, ' ')),
  ].join('\n')
}
