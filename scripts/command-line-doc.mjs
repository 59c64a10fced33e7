// Makes docs/reference/command-line.md from the tree of the commands (--write), or says that it is stale.
import { writeOrCompare } from './compare.mjs'

const { programTree } = await import('../dist/cli/program-tree.js')
const { ownPlugins } = await import('../dist/cli/program/own-plugins.js')
const { commandGroups } = await import('../dist/cli/command-list.js')

const program = programTree(ownPlugins(), () => {
  throw new Error('no command is run')
})
const examples = new Map(
  [
    ...commandGroups.flatMap(({ commands }) => commands),
    ...ownPlugins().flatMap(({ commands = [] }) => commands),
  ].map(({ name, examples: all = [] }) => [wordsOf(name), all]),
)
const leaves = program.commands.flatMap((one) => leavesOf(one, [one.name()]))
writeOrCompare('docs/reference/command-line.md', page())

function page() {
  return `# The command line

<!-- Made from the commands by scripts/command-line-doc.mjs. -->

\`chancy [--app FILE[#name] | --database DSN] [--schema NAME] <command>\` does what the library does. Without \`--app\` and
\`--database\` it takes the variables \`CHANCY_APP\` and \`DATABASE_URL\`. With an application its plugins have commands too;
without one those of Chancy's own plugins are there.

${table(['option of every command', ''], optionsOf(program))}

**Output.** A list is a table, one thing a list of fields. In a terminal tables fit its width: texts are cut, ids, numbers
and times never are. In a file or a pipe everything stands there whole, and \`--json\` is one document with every field.
\`--watch\` prints again each second; with \`--json\` it is a line a row. Colours are for terminals; \`NO_COLOR\` and
\`FORCE_COLOR\` are honoured. Notes, questions and progress go to the standard error.

**Exit codes.** 0: done. 1: it failed, or the answer is no, as where something is not there. 2: wrong usage. 130 and 143:
ended by SIGINT or SIGTERM. A worker that a signal stops, and that ends in time, exits with 0.

**Questions.** What removes or cancels more than one thing asks. \`--yes\` answers, and is required where there is no
terminal. Errors are one line that says what to do; \`--verbose\` adds the stack.

**Of the Python original** \`misc migrate\`, \`misc check-migrations\` and \`queue push\` are \`migrate\`, \`check-migrations\`
and \`job push\`.

${leaves.map(section).join('\n')}`
}

function section({ command, path }) {
  const args = command.registeredArguments.map((one) => ` ${shownArgument(one)}`).join('')
  const options = optionsOf(command)
  const own = examples.get(path) ?? []
  return [
    `## \`${path}${args}\`\n`,
    `${cell(command.description().split('\n\n')[0] ?? '').replaceAll('\\|', '|')}${detailsOf(command)}\n`,
    options.length === 0 ? '' : `${table(['option', ''], options)}\n`,
    own.length === 0
      ? ''
      : `\`\`\`sh\n${own.map(({ text, command: line }) => `# ${text}\n${line}`).join('\n')}\n\`\`\`\n`,
  ]
    .filter((text) => text !== '')
    .join('\n')
}

/** Lines that follow the first one are a list. */
function detailsOf(command) {
  const [, ...details] = command.description().split('\n\n')
  const [first, ...lines] = details.join('\n').split('\n')
  if (first === '') return ''
  const list = lines.map((line) => `- ${line}`).join('\n')
  return list === '' ? `\n\n${first}` : `\n\n${first}\n\n${list}`
}

function shownArgument(argument) {
  const name = `${argument.name()}${argument.variadic ? '...' : ''}`
  return argument.required ? `<${name}>` : `[${name}]`
}

function optionsOf(command) {
  return command.options.map(
    ({ flags, description, defaultValue, argChoices, defaultValueDescription }) => {
      const choices = argChoices === undefined ? '' : `: ${argChoices.join(', ')}`
      const shown = defaultValueDescription ?? defaultValue
      const value = shown === undefined || shown === false ? '' : ` (default: ${shown})`
      return [`\`${flags}\``, `${description}${choices}${value}`]
    },
  )
}

function table(head, rows) {
  const all = [head, ...rows].map((row) => row.map(cell))
  const widths = head.map((_, at) => Math.max(3, ...all.map((row) => row[at].length)))
  const line = (row) => `| ${row.map((text, at) => text.padEnd(widths[at])).join(' | ')} |`
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`
  return [line(all[0]), rule, ...all.slice(1).map(line)].join('\n')
}

function cell(text) {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}

function wordsOf(name) {
  return name
    .split(' ')
    .filter((part) => !/^[<[]/.test(part))
    .join(' ')
}

/** Every command that does something, with the words that call it. */
function leavesOf(command, words) {
  const below = command.commands.flatMap((one) => leavesOf(one, [...words, one.name()]))
  const path = words.join(' ')
  return examples.has(path) ? [{ command, path }, ...below] : below
}
