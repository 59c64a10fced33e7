import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { job } from '../../../src/core/job-function.ts'
import { loadJobs } from '../../../src/executors/job-modules.ts'

let folder: string
const at = (name: string): string => path.join(folder, name)

// As another copy of the package would make them: a function with a definition.
const jobOf = (name: string): string =>
  `Object.assign(() => 1, { [Symbol.for('chancy.definition')]: { name: '${name}' } })`

const FILES: Readonly<Record<string, string>> = {
  'jobs/a.mjs': `export const a = ${jobOf('a')}; export const other = a; export const text = 'x'`,
  'jobs/deep/b.mjs': `export default ${jobOf('b')}`,
  'jobs/deep/types.d.mts': 'export {}',
  'jobs/node_modules/c.mjs': `export const c = ${jobOf('c')}`,
  'index.mjs': "export * from './jobs/a.mjs'; export { default as b } from './jobs/deep/b.mjs'",
  'twice.mjs': `export const again = ${jobOf('a')}`,
  'empty.mjs': 'export const nothing = 1',
  'broken.mjs': "throw new Error('boom')",
  'odd [x]*.mjs': `export const odd = ${jobOf('odd')}`,
  'made.cjs': `const make = () => ({ made: ${jobOf('made')} })\nmodule.exports = make()`,
  'one.cjs': `module.exports = ${jobOf('one')}`,
  'built.cjs': `exports.__esModule = true; exports.default = { built: ${jobOf('built')} }`,
  'object.mjs': `export default { object: ${jobOf('object')}, text: 'x' }`,
  'list.mjs': `export default [${jobOf('first')}, ${jobOf('second')}]`,
  'default-empty.cjs': 'module.exports = (() => ({ nothing: 1 }))()',
  'odd {a,b} +[x]/c.mjs': `export const c = ${jobOf('odd-c')}`,
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'chancy-jobs-'))
  for (const [name, text] of Object.entries(FILES)) {
    await mkdir(path.dirname(at(name)), { recursive: true })
    await writeFile(at(name), text)
  }
})
afterAll(() => rm(folder, { recursive: true }))

const namesOf = async (sources: Parameters<typeof loadJobs>[0]): Promise<string[]> =>
  [...(await loadJobs(sources)).keys()].sort()

describe('job modules', () => {
  it.each<[string, () => Parameters<typeof loadJobs>[0], string[]]>([
    ['a path', () => at('jobs/a.mjs'), ['a']],
    ['a relative path', () => path.relative(process.cwd(), at('jobs/a.mjs')), ['a']],
    ['a URL', () => pathToFileURL(at('jobs/a.mjs')), ['a']],
    ['a URL as text', () => pathToFileURL(at('jobs/a.mjs')).href, ['a']],
    ['a glob within a folder', () => at('jobs/*.mjs'), ['a']],
    ['a glob over folders', () => at('jobs/**/*.m{js,ts}'), ['a', 'b']],
    [
      'a glob as a URL',
      () => new URL(`${pathToFileURL(folder).href}/jobs/**/?.mjs`.replace('?', '*')),
      ['a', 'b'],
    ],
    ['a file whose name looks like a glob', () => at('odd [x]*.mjs'), ['odd']],
    ['one function reached twice', () => [at('jobs/a.mjs'), at('index.mjs')], ['a', 'b']],
    ['functions themselves', () => [job({ name: 'f' }, () => 1), at('jobs/a.mjs')], ['a', 'f']],
    ['nothing', () => [], []],
    ['module.exports that a function made', () => at('made.cjs'), ['made']],
    ['module.exports that is a job', () => at('one.cjs'), ['one']],
    ['a default export of a module that was built to CommonJS', () => at('built.cjs'), ['built']],
    ['a default export that is an object', () => at('object.mjs'), ['object']],
    ['a default export that is a list', () => at('list.mjs'), ['first', 'second']],
    ['a folder whose name has special characters', () => at('odd {a,b} +[x]/*.mjs'), ['odd-c']],
  ])('are loaded from %s', async (_, sources, names) => {
    expect(await namesOf(sources())).toEqual(names)
  })

  it.each<[string, () => unknown, RegExp]>([
    [
      'two functions of one name',
      () => [at('jobs/a.mjs'), at('twice.mjs')],
      /Two job functions are named "a": in file:.*a\.mjs \(a\) and in file:.*twice\.mjs \(again\)/,
    ],
    [
      'two given functions of one name',
      () => [job({ name: 'f' }, () => 1), job({ name: 'f' }, () => 2)],
      /named "f"/,
    ],
    [
      'a module without job functions',
      () => at('empty.mjs'),
      /empty\.mjs to export a function made by job\(\), got "nothing"/,
    ],
    [
      'a default export without job functions',
      () => at('default-empty.cjs'),
      /to export a function made by job\(\), got "(nothing, )?default, default\.nothing/,
    ],
    [
      'a module that throws',
      () => at('broken.mjs'),
      /broken\.mjs could not be loaded: .*Error: boom/,
    ],
    ['a module that is not there', () => at('missing.mjs'), /missing\.mjs could not be loaded/],
    [
      'a glob that matches nothing',
      () => at('nowhere/*.mjs'),
      /to match at least one file, got none/,
    ],
    ['a function that is no job', () => [() => 1], /Make it a job first/],
    ['anything else', () => 7, /expected a URL, a path, a glob or a job function, got 7/],
  ])('are refused with %s', async (_, sources, message) => {
    await expect(loadJobs(sources() as string)).rejects.toThrow(message)
    await expect(loadJobs(sources() as string)).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  })
})
