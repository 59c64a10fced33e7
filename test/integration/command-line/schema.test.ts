import { randomBytes } from 'node:crypto'
import { Chancy } from 'chancy'
import { afterAll, describe, expect, it } from 'vitest'
import { type CommandSurroundings, type Ran, runCommand } from '../../support/command.ts'
import { databaseUrl, withClient } from '../../support/database.ts'

const schema = `cli_${randomBytes(5).toString('hex')}`
const run = (args: string, surroundings?: CommandSurroundings): Promise<Ran> =>
  runCommand([...args.split(' '), '--schema', schema], {
    ...surroundings,
    env: { DATABASE_URL: databaseUrl() },
  })

/** A statement that PostgreSQL refuses in a transaction. */
const OUTSIDE = /^((?:CREATE|DROP) INDEX CONCURRENTLY[^;]*;)/m

/** As psql does: a statement at a time where it matters. */
const runSql = (text: string): Promise<void> =>
  withClient(async (client) => {
    for (const part of text.split(OUTSIDE)) if (part.trim() !== '') await client.query(part)
  })

afterAll(() => withClient((client) => client.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)))

describe('chancy migrate', () => {
  it('prints with --dry-run the SQL that psql can run in its place', async () => {
    const behind = await run('check-migrations')
    expect(behind).toMatchObject({ code: 1, err: '' })
    expect(behind.out).toMatch(/^chancy.core +0 +\d+ +behind$/m)
    const { out } = await run('migrate --dry-run')
    expect(await run('check-migrations')).toEqual(behind)
    await runSql(out)
    expect(await run('check-migrations')).toMatchObject({ code: 0 })
    expect(await run('migrate --dry-run')).toMatchObject({
      code: 0,
      out: '-- There is nothing to do.\n',
    })
    await using chancy = new Chancy(databaseUrl(), { schema })
    expect(await chancy.isUpToDate()).toBe(true)
    expect(await chancy.migrationSql()).toBeNull()
  })

  it('asks before it removes tables, and wants --yes where there is no terminal', async () => {
    expect(await run('migrate --to 0')).toMatchObject({
      code: 2,
      err: expect.stringMatching(/Remove all tables .*Add --yes/),
    })
    const no = await run('migrate --to 0', { columns: 80, input: 'n\r' })
    expect(no).toMatchObject({ code: 1, err: expect.stringContaining('Nothing was changed.') })
    const ended = await run('migrate --to 0', { columns: 80, input: '\u0004' })
    expect(ended).toMatchObject({ code: 1 })
    const interrupted = await run('migrate --to 0', { columns: 80, input: '\u0003' })
    expect(interrupted).toMatchObject({ code: 130 })
    expect(await run('check-migrations')).toMatchObject({ code: 0 })
    const yes = await run('migrate --to 0', { columns: 80, input: 'yes\r' })
    expect(yes).toMatchObject({ code: 0, out: expect.stringMatching(/chancy.core +\d +0/) })
  })

  it('prints the SQL of the way down too, plugins first', async () => {
    await run('migrate')
    const { out } = await run('migrate --to 0 --dry-run')
    await runSql(out)
    expect(await run('check-migrations')).toMatchObject({
      code: 1,
      out: expect.stringMatching(/chancy.core +0 +\d +behind\nchancy.metrics +0 +1 +behind/),
    })
  })

  it('knows the tables of plugins that are not there by default, without an application', async () => {
    await run('migrate')
    expect((await run('check-migrations')).out).not.toContain('chancy.cron')
    expect(await run('schedule list')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/version 0 of "chancy.cron".*migrate/),
    })
    expect(await run('migrate --plugin chancy.cron')).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^chancy.cron +0 +1$/m),
    })
    expect((await run('check-migrations')).out).toContain('chancy.cron')
    expect(await run('schedule list')).toMatchObject({ code: 0, out: 'none\n' })
    expect(await run('migrate --plugin acme.audit')).toMatchObject({
      code: 1,
      err: expect.stringContaining('no plugin "acme.audit"'),
    })
  })
})

describe('chancy grant', () => {
  it('prints its SQL with show-grant, and refuses a kind that there is not', async () => {
    expect((await run('show-grant reader app')).out).toContain(`ON SCHEMA "${schema}"`)
    expect(await run('show-grant owner app')).toMatchObject({ code: 2 })
  })
})
