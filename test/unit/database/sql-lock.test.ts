import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../../..', import.meta.url))
/** What the script reads, copied: a test never edits the engine itself. */
const NEEDED = [
  'scripts/engine-sql.mjs',
  'scripts/sql-source.mjs',
  'src/database/sql',
  'src/database/sql.lock',
]
let copy = ''

beforeEach(() => {
  copy = mkdtempSync(join(tmpdir(), 'chancy-sql-lock-'))
  for (const path of NEEDED) cpSync(join(root, path), join(copy, path), { recursive: true })
})
afterEach(() => rmSync(copy, { recursive: true, force: true }))

const pathOf = (file: string): string => join(copy, 'src/database/sql', file)
const read = (file: string): string => readFileSync(pathOf(file), 'utf8')
const readLock = (): string => readFileSync(join(copy, 'src/database/sql.lock'), 'utf8')
const namesIn = (folder: string): string[] =>
  readdirSync(pathOf(folder)).map((file) => basename(file, '.sql'))

function engineSql(...args: string[]): { status: number | null; problems: string[] } {
  const script = join(copy, 'scripts/engine-sql.mjs')
  const { status, stderr } = spawnSync(process.execPath, [script, ...args], { encoding: 'utf8' })
  return { status, problems: stderr.split('\n').filter(Boolean) }
}

const calls = (text: string, part: string): boolean =>
  new RegExp(`\\bpart\\.${part}\\b`).test(text.replace(/--[^\n]*/g, ''))

/** A body that differs in one part alone names the function whose text it has. */
function textOf(folder: string, name: string): string {
  const text = read(`${folder}/${name}.sql`)
  const [, former, by, from] =
    /^-- (functions\/[\w@]+\.sql) with part\.(\w+) in place of part\.(\w+)/.exec(text) ?? []
  return former === undefined ? text : read(former).replaceAll(`part.${from}(`, `part.${by}(`)
}

/** The functions whose text a part is in, by itself or inside another part. */
function functionsWith(part: string): string[] {
  const inside = new Set([part])
  for (let size = 0; size < inside.size; ) {
    size = inside.size
    for (const one of namesIn('parts'))
      if ([...inside].some((of) => calls(read(`parts/${one}.sql`), of))) inside.add(one)
  }
  return ['functions', 'public', 'replaced'].flatMap((folder) =>
    namesIn(folder)
      .filter((name) => [...inside].some((of) => calls(textOf(folder, name), of)))
      .map((name) => (folder === 'functions' ? name : `${folder}/${name}`)),
  )
}

/** A part that several functions have and not all: the one with the most. */
function sharedPart(): { part: string; functions: string[] } {
  const all = namesIn('functions').length
  const found = namesIn('parts')
    .map((part) => ({ part, functions: functionsWith(part) }))
    .filter(({ functions }) => functions.length > 2 && functions.length < all / 2)
    .sort((a, b) => b.functions.length - a.functions.length)
  return found[0]!
}

/** A comment in the text is a change of it too: it stands in the schema. The comments at the head do not. */
function edit(file: string): void {
  const text = read(file)
  const head = /^(--[^\n]*\n)+/.exec(text)?.[0] ?? ''
  const edited = text.includes('AS $body$')
    ? text.replace('AS $body$', 'AS $body$ /* edited */')
    : `${head}/* edited */ ${text.slice(head.length)}`
  writeFileSync(pathOf(file), edited)
}

describe('sql.lock', () => {
  it('takes an edit of a shared part while nothing that has it is released', () => {
    const { part, functions } = sharedPart()
    edit(`parts/${part}.sql`)
    const { status, problems } = engineSql()
    expect(status).toBe(1)
    for (const name of functions)
      expect(problems).toContain(
        `sql.lock does not have ${name} as it is: run node scripts/engine-sql.mjs --write`,
      )
    expect(problems).toHaveLength(functions.length)
    expect(engineSql('--write').status).toBe(0)
    expect(engineSql()).toEqual({ status: 0, problems: [] })
  })

  it('is red when a shared part under released functions is edited, and names each of them', () => {
    expect(engineSql('--release').status).toBe(0)
    const { part, functions } = sharedPart()
    const before = read(`parts/${part}.sql`)
    const lock = readLock()
    edit(`parts/${part}.sql`)
    for (const mode of ['--check', '--write']) {
      const { status, problems } = engineSql(mode)
      expect(status, mode).toBe(1)
      expect(problems.map((line) => line.split(' ')[0]).sort(), mode).toEqual(functions.sort())
      for (const line of problems) {
        expect(line).toMatch(/is released, and its text or that of a part would change/)
        expect(line).toMatch(new RegExp(`a part of it \\(.*\\b${part}\\b.*\\)`))
        expect(line).toMatch(/make a version of the function/)
      }
      expect(readLock(), mode).toBe(lock)
    }
    writeFileSync(pathOf(`parts/${part}.sql`), before)
    expect(engineSql()).toEqual({ status: 0, problems: [] })
  })

  it('is red when the tables of a released migration are edited, or a released file is missing', () => {
    expect(engineSql('--release').status).toBe(0)
    edit('tables/0001.up.sql')
    rmSync(pathOf('functions/clock@1.sql'))
    const { status, problems } = engineSql('--write')
    expect(status).toBe(1)
    expect(problems).toEqual([
      'clock@1 is released and its file is missing: restore it',
      expect.stringMatching(/^tables\/0001\.up is released, .* make a migration/),
    ])
  })

  it('takes the next version of a released function, which may be edited', () => {
    expect(engineSql('--release').status).toBe(0)
    const next = read('functions/claim@1.sql').replaceAll('claim_1', 'claim_2')
    writeFileSync(pathOf('functions/claim@2.sql'), next)
    expect(engineSql('--write').status).toBe(0)
    edit('functions/claim@2.sql')
    expect(engineSql().problems).toEqual([
      'sql.lock does not have claim@2 as it is: run node scripts/engine-sql.mjs --write',
    ])
    expect(engineSql('--write').status).toBe(0)
    expect(readLock()).toMatch(/^claim@1 \w+ released$/m)
    expect(readLock()).toMatch(/^claim@2 \w+$/m)
  })
})
