import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Chancy, grantSql, Job, job, type RoleKind, Worker } from 'chancy'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { withClient } from '../support/database.ts'
import { ownDatabase, ROLE_PASSWORD } from '../support/own-database.ts'

const KINDS: readonly RoleKind[] = ['producer', 'worker', 'reader', 'operator']
const page = await readFile(new URL('../../docs/advanced/roles.md', import.meta.url), 'utf8')
const blocks = (language: string): string[] =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(
    ([, text]) => text!,
  )

// Roles belong to the whole server, so each run has roles of its own.
const mark = randomBytes(4).toString('hex')
const own = (text: string): string => text.replaceAll('app_', `app_${mark}_`)
const greet = job({ name: 'greet' }, ({ name }: { name: string }) => `Hello, ${name}!`)
const COMMAND = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

describe.each(['sh', 'sql'])('the page on roles, followed literally in %s', (language) => {
  const url = ownDatabase()
  const as = (kind: RoleKind): string => url(own(`app_${kind}`))

  beforeAll(async () => {
    await withClient(async (client) => {
      for (const kind of KINDS) {
        const role = own(`app_${kind}`)
        await client.query(`CREATE ROLE ${role} LOGIN PASSWORD '${ROLE_PASSWORD}'`)
      }
    }, url())
    await using chancy = new Chancy(url())
    await chancy.migrate()
  })

  afterAll(async () => {
    const each = async (text: string): Promise<void> => {
      await withClient(async (client) => {
        for (const kind of KINDS) await client.query(`${text} ${own(`app_${kind}`)}`)
      }, url())
    }
    await each('DROP OWNED BY')
    await each('DROP ROLE')
  })

  it('makes roles with which jobs are pushed, run, seen and cancelled', async () => {
    if (language === 'sql') {
      for (const text of blocks('sql')) await withClient((client) => client.query(own(text)), url())
    } else {
      const lines = blocks('sh').join('').trim().split('\n')
      expect(lines).toHaveLength(KINDS.length)
      for (const line of lines) {
        const args = own(line).split(' ').slice(1)
        const env = { ...process.env, DATABASE_URL: url() }
        await promisify(execFile)(process.execPath, [COMMAND, ...args], { env })
      }
    }
    await using running = new Chancy(as('worker'), { jobs: greet })
    const worker = new Worker(running, { signals: false })
    await worker.start()
    await using producer = new Chancy(as('producer'))
    const ref = await producer.push(Job.named('greet', { args: { name: 'Ada' } }))
    expect(await producer.waitForJob(ref, { timeout: '50s' })).toMatchObject({
      result: 'Hello, Ada!',
    })
    await worker.stop()
    await using reader = new Chancy(as('reader'))
    expect(await reader.listJobs()).toHaveLength(1)
    await using operator = new Chancy(as('operator'))
    const waiting = await producer.push(
      Job.named('greet', { args: { name: 'Ada' } }).withDelay('1h'),
    )
    expect(await operator.cancel(waiting)).toBe('cancelled')
  })
})

it('shows the SQL that "chancy grant" runs', () => {
  expect(blocks('sql').map((text) => text.trim())).toEqual(
    KINDS.map((kind) => grantSql(kind, `app_${kind}`).trim()),
  )
})
