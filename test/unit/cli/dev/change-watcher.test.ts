import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ChangeWatcher } from '../../../../src/cli/dev/change-watcher.ts'
import { changedModules, readTree } from '../../../../src/cli/dev/module-tree.ts'
import { until } from '../../../support/until.ts'

let root = ''
const write = (name: string, text = 'export {}') => {
  mkdirSync(path.dirname(path.join(root, name)), { recursive: true })
  writeFileSync(path.join(root, name), text)
}

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'chancy-watch-'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

describe('A tree of modules', () => {
  it('has what a worker may load, and neither packages, dot folders, links to folders nor what is ignored', () => {
    for (const name of [
      ...['app.ts', 'jobs/mail.mts', 'jobs/deep/a.jsx', 'data.json', 'readme.md', 'run.log'],
      ...['node_modules/x/index.js', '.git/hook.js', 'jobs/.cache/a.js', 'pg/base.js'],
    ])
      write(name)
    symlinkSync(root, path.join(root, 'loop'))
    const { modules, isCut } = readTree([root], new Set([path.join(root, 'pg')]))
    const names = [...modules.keys()].map((file) => path.relative(root, file)).sort()
    expect(names).toEqual(['app.ts', 'data.json', 'jobs/deep/a.jsx', 'jobs/mail.mts'])
    expect(isCut).toBe(false)
    expect(readTree([path.join(root, 'none')], new Set()).folders.size).toBe(0)
  })

  it('differs by what was added, written and removed, and by a file of the same size and name', () => {
    for (const name of ['a.js', 'b.js', 'c.js', 'd.js']) write(name, 'one')
    const before = readTree([root], new Set()).modules
    expect(changedModules(before, readTree([root], new Set()).modules)).toEqual([])
    write('b.js', 'two')
    rmSync(path.join(root, 'c.js'))
    write('e.js')
    write('next', 'one')
    renameSync(path.join(root, 'next'), path.join(root, 'd.js'))
    const after = readTree([root], new Set()).modules
    expect(changedModules(before, after).map((file) => path.basename(file))).toEqual([
      ...['b.js', 'c.js', 'd.js', 'e.js'],
    ])
  })
})

describe('A watcher', () => {
  const changes: string[][] = []
  const limits: string[] = []
  let watcher: ChangeWatcher
  const seen = (name: string) =>
    until(() => changes.flat().includes(name), { what: `the change of ${name}` })

  beforeEach(() => {
    changes.length = 0
    limits.length = 0
    watcher = new ChangeWatcher({
      onChange: (files) => changes.push(files.map((file) => path.relative(root, file))),
      onLimit: (message) => limits.push(message),
    })
  })
  afterEach(() => watcher.close())

  it('reports what is written, moved and removed, in folders that are new too, and what was there before not', async () => {
    write('app.js')
    write('jobs/mail.js')
    watcher.add([root])
    write('jobs/mail.js', 'changed')
    await seen('jobs/mail.js')
    // A folder that comes with its modules, as from a checkout.
    write('new/deep/one.ts')
    await seen('new/deep/one.ts')
    write('new/deep/two.ts')
    await seen('new/deep/two.ts')
    // The same path, another folder.
    rmSync(path.join(root, 'new'), { recursive: true })
    write('new/deep/two.ts', 'again')
    write('new/three.ts')
    await seen('new/three.ts')
    write('new/four.ts')
    await seen('new/four.ts')
    expect(changes.flat()).not.toContain('app.js')
    expect(limits).toEqual([])
  })

  it('says nothing of a log, and finds a folder again that was removed with everything in it', async () => {
    write('jobs/mail.js')
    watcher.add([path.join(root, 'jobs')])
    write('jobs/run.log', 'a line')
    rmSync(path.join(root, 'jobs'), { recursive: true })
    await seen('jobs/mail.js')
    changes.length = 0
    write('jobs/other.js')
    await seen('jobs/other.js')
    expect(changes.flat()).not.toContain('jobs/run.log')
  })
})
