import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { glob } from '../../../src/executors/glob.ts'

let folder: string
const FILES = [
  'a.js',
  'b.ts',
  'b.js.map',
  'deep/c.js',
  'deep/er/d.js',
  'node_modules/e.js',
  '.hidden/f.js',
  '{x}/g.js',
  'q [1] (2) +$^|/h.js',
  'elsewhere/shared/i.js',
  'elsewhere/shared/more/j.js',
]
const LINKS: Readonly<Record<string, string>> = {
  linked: 'elsewhere/shared',
  'deep/er/back': '..',
  'k.js': 'elsewhere/shared/i.js',
  'broken.js': 'nowhere.js',
  'loop.js': 'loop.js',
}

beforeAll(async () => {
  folder = await realpath(await mkdtemp(path.join(tmpdir(), 'chancy glob {1}-')))
  for (const name of FILES) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true })
    await writeFile(path.join(folder, name), '')
  }
  for (const [name, target] of Object.entries(LINKS)) {
    await symlink(path.join(folder, path.dirname(name), target), path.join(folder, name))
  }
})
afterAll(() => rm(folder, { recursive: true }))

const found = async (pattern: string): Promise<string[]> =>
  (await glob(path.join(folder, pattern))).map((file) => path.relative(folder, file))

// Links need a right on Windows that a test does not have.
describe.skipIf(process.platform === 'win32')('a glob', () => {
  it.each<[string, string[]]>([
    ['*.js', ['a.js', 'k.js']],
    ['?.??', ['a.js', 'b.ts', 'k.js']],
    ['*.{js,ts}', ['a.js', 'b.ts', 'k.js']],
    ['{*.ts,deep/*.js}', ['b.ts', 'deep/c.js']],
    ['{a,{b,c}}.{js,ts}', ['a.js', 'b.ts']],
    ['deep/**/*.js', ['deep/c.js', 'deep/er/d.js']],
    ['{x}/*.js', ['{x}/g.js']],
    ['q [1] (2) +$^|/*.js', ['q [1] (2) +$^|/h.js']],
    ['linked/*.js', ['linked/i.js']],
    ['link*/**/*.js', ['linked/i.js', 'linked/more/j.js']],
    ['deep/er/back/*.js', ['deep/er/back/c.js']],
    ['nowhere/*.js', []],
    ['a.js/*', []],
    ['.hid*/*.js', []],
  ])('finds for %s what its shape says, through links', async (pattern, files) => {
    expect(await found(pattern)).toEqual(files)
  })

  it('finds each file once, however many links lead to it, and ends where they lead back', async () => {
    const files = await found('**/*.js')
    const real = await Promise.all(files.map((file) => realpath(path.join(folder, file))))
    expect(new Set(real).size).toBe(files.length)
    expect(files.length).toBe(7)
  })
})
