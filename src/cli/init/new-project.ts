import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { ConfigError } from '../../index.ts'
import { Refused } from '../program/ending.ts'
import {
  mergedDescription,
  newDescription,
  type PackageDescription,
  packageName,
} from './package-description.ts'

export interface ProjectOptions {
  readonly folder: string
  readonly language: 'ts' | 'js'
  /** Whether files of the same names are replaced. */
  readonly force: boolean
}

/** What npm, git and editors leave in a folder that has no program yet. */
const NO_PROGRAM =
  /^(\.(git|github|gitattributes|npmrc|nvmrc|node-version|editorconfig|vscode|idea|DS_Store|gitignore)|node_modules|package(-lock)?\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-(lock|workspace)\.yaml|bun\.lockb?|LICEN[CS]E(\.\w+)?|README(\.\w+)?|.*\.tgz)$/
/** Written over what is there, with all that it has. */
const MERGED = new Set(['package.json', '.gitignore'])
const STARTER = fileURLToPath(new URL('../../../examples/starter/', import.meta.url))
const MAX_NAMED = 5

/**
 * Writes the files of a new project and returns their names, in order.
 *
 * @throws {Refused} when the folder holds something else, or a file cannot be written
 */
export function makeProject({ folder, language, force }: ProjectOptions): string[] {
  const present = entriesOf(folder)
  const foreign = present.filter((name) => !NO_PROGRAM.test(name))
  if (foreign.length > 0 && !force) throw notEmpty(folder, foreign)
  const name = packageName(folder)
  const files = new Map(starterFiles(language, name))
  const description = descriptionFor(folder, { language, force })
  files.set('package.json', `${JSON.stringify(description, null, 2)}\n`)
  files.set('.gitignore', withLinesOf(path.join(folder, '.gitignore'), files.get('.gitignore')))
  // One that is there is no part of the program.
  if (!force && present.includes('README.md')) files.delete('README.md')
  for (const [file, text] of files) {
    write(path.join(folder, file), text, force || MERGED.has(file))
  }
  return [...files.keys()].sort()
}

/** The lines that are there, and those of the text that are not. */
function withLinesOf(file: string, text = ''): string {
  const present = statSync(file, { throwIfNoEntry: false }) ? readFileSync(file, 'utf8') : ''
  const known = new Set(present.split('\n').map((line) => line.trim().replace(/\/$/, '')))
  const missing = text.split('\n').filter((line) => line !== '' && !known.has(line))
  const own = present === '' || present.endsWith('\n') ? present : `${present}\n`
  return own + missing.map((line) => `${line}\n`).join('')
}

function entriesOf(folder: string): string[] {
  const stat = statSync(folder, { throwIfNoEntry: false })
  if (stat === undefined) return []
  if (!stat.isDirectory()) throw new ConfigError(`init: "${folder}" is a file. Name a folder.`)
  return readdirSync(folder).sort()
}

function notEmpty(folder: string, foreign: readonly string[]): Refused {
  const named = foreign.slice(0, MAX_NAMED).join(', ')
  const more = foreign.length > MAX_NAMED ? ` and ${foreign.length - MAX_NAMED} more` : ''
  return new Refused(
    `init: the folder "${folder}" is not empty: it has ${named}${more}. Name a new one, as in "chancy init my-jobs", or add --force, which replaces files of the same names and keeps the others.`,
  )
}

function starterFiles(language: 'ts' | 'js', name: string): [string, string][] {
  const folder = path.join(STARTER, language === 'ts' ? 'typescript' : 'javascript')
  const names = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
  const textOf = (file: string): string =>
    readFileSync(file, 'utf8').replaceAll('{{name}}', () => name)
  return [
    ['.gitignore', textOf(path.join(STARTER, 'gitignore'))],
    ...names.map((one): [string, string] => [one, textOf(path.join(folder, one))]),
  ]
}

function descriptionFor(
  folder: string,
  { language, force }: Omit<ProjectOptions, 'folder'>,
): PackageDescription {
  const added = newDescription(packageName(folder), language)
  const file = path.join(folder, 'package.json')
  if (statSync(file, { throwIfNoEntry: false }) === undefined) return added
  try {
    return mergedDescription(JSON.parse(readFileSync(file, 'utf8')), added, force)
  } catch (cause) {
    throw new ConfigError(`init: "${file}" cannot be read: ${(cause as Error).message}.`, { cause })
  }
}

function write(file: string, text: string, isReplaced: boolean): void {
  try {
    makeFolder(path.dirname(file))
    writeFileSync(file, text, { flag: isReplaced ? 'w' : 'wx' })
  } catch (cause) {
    throw new ConfigError(`init: "${file}" cannot be written: ${(cause as Error).message}.`, {
      cause,
    })
  }
}

/** `mkdir` of Node with `recursive` never returns where a folder refuses another with ENOENT, as /proc does. */
function makeFolder(folder: string): void {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return
  makeFolder(path.dirname(folder))
  mkdirSync(folder)
}
