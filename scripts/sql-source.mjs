// The engine's SQL as it is written (src/database/sql): reads it, puts the parts in place, splits files into
// statements. How it is written: src/database/sql/ENGINE.md, "Files".
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const databaseFolder = fileURLToPath(new URL('../src/database', import.meta.url))
const sqlFolder = join(databaseFolder, 'sql')

/** Comments and literals, in which no part is called. */
const SKIPPED = /--[^\n]*|'(?:[^']|'')*'/

/** All files with the parts in place. Throws an error that names the file and what is wrong with it. */
export function readSql(folder = sqlFolder) {
  const parts = new Map(
    filesOf(folder, 'parts').map(([name, text]) => [name, readPart(name, text)]),
  )
  const used = new Map()
  const expanded = (kind) =>
    textsOf(folder, kind).map(([name, text]) => {
      const calls = new Set()
      used.set(`${kind}/${name}`, calls)
      return [name, expand(text, { parts, calls, file: `${kind}/${name}.sql` })]
    })
  const sql = {
    functions: [
      ...expanded('functions'),
      ...expanded('public').map(within('public')),
      ...expanded('replaced').map(within('replaced')),
    ].map(checked),
    tables: expanded('tables').map(([name, text]) => [name, statementsOf(text)]),
    comments: expanded('comments').map(([name, text]) => [name, statementsOf(text)]),
    used,
  }
  for (const name of parts.keys())
    if (![...used.values()].some((calls) => calls.has(name)))
      throw new Error(`parts/${name}.sql is used by no file: remove it`)
  return sql
}

/** A body that differs from the former one in a part alone: the file names it, and a change of the function is one of both. */
const DERIVED =
  /^-- functions\/(?<name>[\w@]+)\.sql with part\.(?<by>\w+) in place of part\.(?<from>\w+)\.\n(?:--[^\n]*\n)*$/

function textsOf(folder, kind) {
  const files = filesOf(folder, kind)
  if (kind !== 'replaced') return files
  const functions = new Map(filesOf(folder, 'functions'))
  return files.map(([name, text]) => {
    const derived = DERIVED.exec(text)?.groups
    if (derived === undefined) return [name, text]
    const former = functions.get(derived.name)
    const call = `part.${derived.from}(`
    if (former === undefined || !former.includes(call))
      throw new Error(`replaced/${name}.sql: functions/${derived.name}.sql calls no ${call}…)`)
    return [name, former.replaceAll(call, `part.${derived.by}(`)]
  })
}

export const hashOf = (text) => createHash('sha256').update(text).digest('hex').slice(0, 32)

function filesOf(folder, kind) {
  return readdirSync(join(folder, kind))
    .filter((file) => file.endsWith('.sql'))
    .sort()
    .map((file) => [file.slice(0, -4), readFileSync(join(folder, kind, file), 'utf8')])
}

const within =
  (kind) =>
  ([name, text]) => [`${kind}/${name}`, text]

/** The statement of a file, whose name is that of the function it makes: claim@2.sql makes chancy.claim_2. */
function checked([name, text]) {
  const made = /^CREATE OR REPLACE FUNCTION chancy\.(\w+)\s*\(/m.exec(text)?.[1]
  const wanted = name.startsWith('public/')
    ? name.slice(7).replace(/@\d+$/, '')
    : name.replace('replaced/', '').replace('@', '_')
  if (made !== wanted)
    throw new Error(`${name}.sql makes the function ${made}, and its name says ${wanted}`)
  const statements = statementsOf(text)
  if (statements.length !== 1) throw new Error(`${name}.sql holds more than one statement`)
  return [name, statements[0]]
}

/** The first comment names the part and its parameters; the text is what follows the opening comment. */
function readPart(name, text) {
  const head = /^-- part\.(\w+)(?:\(([^)]*)\))?:/.exec(text)
  if (head?.[1] !== name)
    throw new Error(`parts/${name}.sql has to begin with "-- part.${name}(parameters): what it is"`)
  return {
    name,
    params: list(head[2] ?? ''),
    text: text.replace(/^(--[^\n]*\n)+/, '').trimEnd(),
  }
}

/**
 * Puts parts in place of their calls. `part.name(a, b)` is an expression or a subquery;
 * `PERFORM part.name(a, b);` are whole statements; `SET part.name = on` are the settings of a function.
 */
function expand(text, context) {
  const call = new RegExp(
    `${SKIPPED.source}|\\bSET part\\.(?<setting>\\w+) = on|(?<perform>\\bPERFORM )?\\bpart\\.(?<name>\\w+)(?=\\()`,
    'g',
  )
  let done = ''
  let from = 0
  for (let match = call.exec(text); match !== null; match = call.exec(text)) {
    const { setting, perform, name } = match.groups
    if (setting === undefined && name === undefined) continue
    const part = partOf(setting ?? name, context)
    let end = call.lastIndex
    let args = []
    if (setting === undefined) {
      const close = closingOf(text, end)
      args = list(text.slice(end + 1, close)).map((arg) => expand(arg, context))
      end = close + 1
      if (perform !== undefined && text[end] === ';') end++
    }
    if ((perform !== undefined) !== part.text.endsWith(';'))
      throw new Error(
        `${context.file}: a part of statements is called by PERFORM, and no other is: part.${name}`,
      )
    done += text.slice(from, match.index)
    done += indented(filled(part, args, context), columnOf(done))
    from = end
    call.lastIndex = end
  }
  return done + text.slice(from)
}

function partOf(name, { parts, calls, file }) {
  const part = parts.get(name)
  if (part === undefined)
    throw new Error(`${file} calls part.${name}, and there is no parts/${name}.sql`)
  calls.add(name)
  return part
}

/** A part with its parameters replaced, and the parts that it calls itself. */
function filled({ name, params, text }, args, context) {
  if (args.length !== params.length)
    throw new Error(
      `${context.file}: part.${name} takes (${params.join(', ')}), got (${args.join(', ')})`,
    )
  if (params.length === 0) return expand(text, context)
  const word = new RegExp(`${SKIPPED.source}|(?<![.\\w])(?<param>${params.join('|')})\\b`, 'g')
  const own = text.replace(word, (all, ...rest) => {
    const { param } = rest.at(-1)
    return param === undefined ? all : args[params.indexOf(param)]
  })
  return expand(own, context)
}

function columnOf(before) {
  return before.length - before.lastIndexOf('\n') - 1
}

function indented(text, columns) {
  return text.replace(/\n(?!\n|$)/g, `\n${' '.repeat(columns)}`)
}

/** Separated by the commas that stand in no parentheses. */
function list(text) {
  const found = ['']
  let depth = 0
  for (const char of text) {
    if ('([{'.includes(char)) depth++
    if (')]}'.includes(char)) depth--
    if (char === ',' && depth === 0) found.push('')
    else found[found.length - 1] += char
  }
  return found.map((one) => one.trim()).filter(Boolean)
}

function closingOf(text, open) {
  let depth = 0
  for (let at = open; at < text.length; at++) {
    if (text[at] === '(') depth++
    if (text[at] === ')' && --depth === 0) return at
  }
  throw new Error(`unclosed: ${text.slice(open, open + 60)}`)
}

/** The statements of a file, each without the comments before it and its semicolon. */
export function statementsOf(text) {
  const token = new RegExp(
    `${SKIPPED.source}|(?<body>\\$\\w+\\$)[\\s\\S]*?\\k<body>|(?<end>;)`,
    'g',
  )
  const found = []
  let from = 0
  for (const match of text.matchAll(token)) {
    if (match.groups.end === undefined) continue
    found.push(text.slice(from, match.index))
    from = match.index + 1
  }
  const rest = text
    .slice(from)
    .replace(/--[^\n]*/g, '')
    .trim()
  if (rest !== '') throw new Error(`a statement lacks its semicolon: ${rest.slice(0, 80)}`)
  return found.map((one) => one.replace(/^(\s*--[^\n]*\n)+/, '').trim())
}
