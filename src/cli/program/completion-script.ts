import type { Command } from 'commander'
import { ConfigError } from '../../index.ts'

export const SHELLS = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

interface Word {
  readonly text: string
  readonly summary: string
}

interface CompletedOption extends Word {
  readonly takesValue: boolean
  readonly choices: readonly string[]
}

/** What stands behind the words of a command. */
interface Node {
  /** `chancy queue list` */
  readonly path: string
  readonly commands: readonly Word[]
  readonly options: readonly CompletedOption[]
}

/**
 * The completion of a shell, with all commands in it: nothing of Chancy is run while a line is typed.
 *
 * @throws {ConfigError} for another shell
 */
export function completionScript(program: Command, shell: Shell): string {
  const nodes = nodesOf(program, program.name(), globalOptionsOf(program))
  switch (shell) {
    case 'bash':
      return bash(nodes)
    case 'zsh':
      return zsh(nodes)
    case 'fish':
      return fish(nodes)
    default:
      throw new ConfigError(
        `completion: expected one of ${SHELLS.join(', ')}, got "${String(shell)}".`,
      )
  }
}

function globalOptionsOf(program: Command): CompletedOption[] {
  return [
    ...optionsOf(program),
    { text: '--help', summary: 'print how it is used', takesValue: false, choices: [] },
  ]
}

function nodesOf(command: Command, path: string, globals: readonly CompletedOption[]): Node[] {
  const { commands } = command
  const own = command.parent === null ? [] : optionsOf(command)
  const node = {
    path,
    commands: commands.map((one) => ({
      text: one.name(),
      summary: one.summary() || one.description(),
    })),
    options: [...own, ...globals],
  }
  return [node, ...commands.flatMap((one) => nodesOf(one, `${path} ${one.name()}`, globals))]
}

function optionsOf(command: Command): CompletedOption[] {
  return command.options.map(({ long, short, description, required, argChoices }) => ({
    text: long ?? short ?? '',
    summary: description,
    takesValue: required,
    choices: argChoices ?? [],
  }))
}

const FILES = new Set(['--app', '--from', '--data'])

/** What stands behind an option: its choices at each path that has such, files, or anything. */
function valuesOf(nodes: readonly Node[]): {
  readonly chosen: readonly { readonly at: string; readonly choices: readonly string[] }[]
  readonly files: readonly string[]
  readonly others: readonly string[]
} {
  const withValue = nodes.flatMap(({ path, options }) =>
    options.filter(({ takesValue }) => takesValue).map((option) => ({ path, ...option })),
  )
  const names = [...new Set(withValue.map(({ text }) => text))]
  return {
    chosen: withValue
      .filter(({ choices }) => choices.length > 0)
      .map(({ path, text, choices }) => ({ at: `${path} ${text}`, choices })),
    files: names.filter((text) => FILES.has(text)),
    others: names.filter((text) => !FILES.has(text)),
  }
}

function bash(nodes: readonly Node[]): string {
  const { chosen, files, others } = valuesOf(nodes)
  const behind = (names: readonly string[]): string =>
    names.map((text) => `*' ${text}'`).join(' | ')
  const paths = nodes.slice(1).map(({ path }) => `'${path}'`)
  return `# bash completion of chancy. Load it with: eval "$(chancy completion bash)"
_chancy() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} path=chancy words= i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$path \${COMP_WORDS[i]}" in
      ${paths.join(' | \\\n      ')}) path="$path \${COMP_WORDS[i]}" ;;
    esac
  done
  COMPREPLY=()
  case "$path $prev" in
${chosen.map(({ at, choices }) => `    '${at}') COMPREPLY=($(compgen -W '${choices.join(' ')}' -- "$cur")); return ;;`).join('\n')}
    ${behind(files)}) COMPREPLY=($(compgen -f -- "$cur")); return ;;
    ${behind(others)}) return ;;
  esac
  case "$path" in
${nodes.map(({ path, commands, options }) => `    '${path}') words='${[...commands, ...options].map(({ text }) => text).join(' ')}' ;;`).join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _chancy chancy
`
}

function zsh(nodes: readonly Node[]): string {
  const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`
  const described = ({ text, summary }: Word): string =>
    quoted(`${text.replaceAll(':', '\\:')}:${summary.replaceAll('\n', ' ')}`)
  const { chosen, files, others } = valuesOf(nodes)
  const behind = (names: readonly string[]): string => names.map((text) => `*' ${text}'`).join('|')
  const paths = nodes.slice(1).map(({ path }) => quoted(path))
  return `#compdef chancy
# zsh completion of chancy. Load it behind compinit with: eval "$(chancy completion zsh)"
_chancy() {
  local where=chancy i
  local -a found
  for ((i = 2; i < CURRENT; i++)); do
    case "$where \${words[i]}" in
      (${paths.join('|')}) where="$where \${words[i]}" ;;
    esac
  done
  case "$where \${words[CURRENT-1]}" in
${chosen.map(({ at, choices }) => `    (${quoted(at)}) compadd -- ${choices.join(' ')}; return ;;`).join('\n')}
    (${behind(files)}) _files; return ;;
    (${behind(others)}) return 1 ;;
  esac
  case "$where" in
${nodes.map(({ path, commands, options }) => `    (${quoted(path)}) found=(${[...commands, ...options].map(described).join(' ')}) ;;`).join('\n')}
  esac
  _describe -t commands 'chancy' found
}
compdef _chancy chancy
`
}

function fish(nodes: readonly Node[]): string {
  const quoted = (text: string): string =>
    `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', ' ')}'`
  const lines = nodes.flatMap(({ path, commands, options }) => {
    const at = `complete -c chancy -n ${quoted(`__chancy_at ${quoted(path)}`)}`
    return [
      ...commands.map(({ text, summary }) => `${at} -f -a ${text} -d ${quoted(summary)}`),
      ...options.map(({ text, summary, takesValue, choices }) => {
        const value = !takesValue
          ? ' -f'
          : choices.length > 0
            ? ` -x -a ${quoted(choices.join(' '))}`
            : FILES.has(text)
              ? ' -r -F'
              : ' -x'
        return `${at} -l ${text.replace(/^-+/, '')}${value} -d ${quoted(summary)}`
      }),
    ]
  })
  const paths = nodes.slice(1).map(({ path }) => quoted(path))
  return `# fish completion of chancy. Save it as ~/.config/fish/completions/chancy.fish
function __chancy_at
  set -l where chancy
  for word in (commandline -opc)[2..-1]
    if contains -- "$where $word" ${paths.join(' ')}
      set where "$where $word"
    end
  end
  test "$where" = "$argv[1]"
end
complete -c chancy -f
${lines.join('\n')}
`
}
