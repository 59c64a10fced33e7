import path from 'node:path'
import { Option } from 'commander'
import { makeProject } from '../../init/new-project.ts'
import { command } from '../../program/command.ts'

interface Given {
  readonly dir?: string
  readonly js?: boolean
  readonly force?: boolean
}

const PUSH = `chancy job push greet --args '{"name":"Ada"}' --wait`

export const init = command<Given>({
  name: 'init [dir]',
  summary: 'make a small project that runs, in this folder or another one',
  details:
    'The folder must be empty, except for what npm and git have put there: a package.json gets what it lacks, and nothing else is replaced.',
  isAlone: true,
  options: [
    new Option('--js', 'JavaScript in the place of TypeScript'),
    new Option('--force', 'replace files of the same names, in a folder that is not empty'),
  ],
  examples: [{ text: 'A project in a new folder', command: 'chancy init my-jobs' }],
  async run({ terminal }, { dir = '.', js = false, force = false }) {
    const folder = path.resolve(dir)
    const files = makeProject({ folder, language: js ? 'js' : 'ts', force })
    const where = path.relative(process.cwd(), folder)
    const next = nextSteps(where, terminal.env.npm_config_user_agent)
    return { value: { folder, files, next }, shown: textOf(where, files, next) }
  },
})

interface NextSteps {
  readonly install: readonly string[]
  readonly dev: string
  readonly push: string
}

/** In the words of the package manager that runs the command. */
function nextSteps(where: string, agent = 'npm'): NextSteps {
  const manager = /^(pnpm|yarn|bun)\b/.exec(agent)?.[1] ?? 'npm'
  const run = { npm: 'npx', pnpm: 'pnpm exec', yarn: 'yarn', bun: 'bunx' }[manager] ?? 'npx'
  return {
    install: [...(where === '' ? [] : [`cd ${quoted(where)}`]), `${manager} install`],
    dev: `${run} chancy dev`,
    push: `${run} ${PUSH}`,
  }
}

function textOf(where: string, files: readonly string[], { install, dev, push }: NextSteps) {
  return [
    `Made ${files.length} files in ${where === '' ? 'this folder' : where}:`,
    ...files.map((file) => `  ${file}`),
    '',
    'Next:',
    ...[...install, dev].map((line) => `  ${line}`),
    '',
    'and in a second terminal:',
    `  ${push}`,
  ].join('\n')
}

function quoted(text: string): string {
  return /^[\w./@+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
