import { job } from 'chancy'
import { pgDriver } from 'chancy/drivers/pg'
import pg from 'pg'
import { expect, it, onTestFinished } from 'vitest'
import { startApp } from '../support/app.ts'
import { databaseUrl, testSchema, withClient } from '../support/database.ts'
import { startProxy } from '../support/proxy.ts'
import { until } from '../support/until.ts'

const schema = testSchema()
const QUICK = { heartbeat: '300ms', lease: '3s' } as const
const task = job({ name: 'task' }, () => 'done')

it('logs once that the lease cannot be renewed, with what to do, and once that it holds again', async () => {
  await using proxy = await startProxy(databaseUrl(schema))
  await using app = await startApp({ schema, jobs: task, url: proxy.url })
  const renewals = app.all('lease.renewed')
  const atRisk = app.all('lease.at_risk')
  const started = app.next('lease.renewed')
  await app.start({ ...QUICK, heartbeatUrl: proxy.url })
  await started
  proxy.refuse()
  proxy.cut()
  await app.next('lease.at_risk')
  await app.next('lease.at_risk')
  const errors = app.lines.filter(({ message }) => message?.includes('cannot be renewed'))
  expect(errors).toMatchObject([{ level: 'error' }])
  expect(errors[0]?.message).toMatch(
    /Check the server and the network, and the option "heartbeatUrl"/,
  )
  expect(atRisk.length).toBeGreaterThan(1)

  proxy.refuse(false)
  const before = renewals.length
  await app.next('lease.renewed')
  await app.next('lease.renewed')
  expect(renewals.length).toBeGreaterThan(before + 1)
  const again = app.lines.filter(({ message }) => message?.includes('lease restored'))
  expect(again).toMatchObject([{ level: 'info' }])
  const ref = await app.chancy.push(task)
  expect(await app.chancy.waitForJob(ref)).toMatchObject({ result: 'done' })
})

it('renews through the pool when it cannot connect, and logs it once', async () => {
  await using proxy = await startProxy(databaseUrl(schema))
  await using app = await startApp({ schema, jobs: task })
  const renewals = app.all('lease.renewed')
  const atRisk = app.all('lease.at_risk')
  const started = app.next('lease.renewed')
  await app.start({ ...QUICK, heartbeatUrl: proxy.url })
  await started
  proxy.refuse()
  proxy.cut()
  const before = renewals.length
  // For longer than the lease, which would be lost by then.
  await until(() => renewals.length > before + 11)
  expect(atRisk).toEqual([])
  const said = app.lines.filter(({ message }) => message?.includes('through the pool'))
  expect(said).toMatchObject([{ level: 'warn' }])
  const ref = await app.chancy.push(task)
  expect(await app.chancy.waitForJob(ref)).toMatchObject({ result: 'done' })
  proxy.refuse(false)
  await until(() => app.lines.some(({ message }) => message === 'heartbeat connection restored'))
})

it('keeps the lease of a worker on a server without a free connection for it', async () => {
  const name = `lease_${schema}`
  await withClient((client) =>
    client.query(`CREATE ROLE ${name} SUPERUSER LOGIN PASSWORD 'x' CONNECTION LIMIT 1`),
  )
  onTestFinished(() => withClient(async (client) => void (await client.query(`DROP ROLE ${name}`))))
  const heartbeatUrl = new URL(databaseUrl())
  heartbeatUrl.username = name
  heartbeatUrl.password = 'x'
  await withClient((client) => client.query(`ALTER ROLE ${name} NOSUPERUSER`))
  await using app = await startApp({ schema, jobs: task })
  // It takes the only connection that is left for the heartbeat, which fails with 53300.
  await withClient(async () => {
    const renewed = app.next('lease.renewed')
    await app.start({ ...QUICK, heartbeatUrl: heartbeatUrl.href })
    await renewed
    const reason = () =>
      app.lines.find(({ fields }) => /too many connections/.test(`${fields.reason}`))
    await until(reason)
  }, heartbeatUrl.href)
})

it('is renewed at its own address where the driver cannot say one', async () => {
  // A password that is asked for is code, which no thread can be given.
  const { password, ...address } = addressOf(databaseUrl(schema))
  const pool = new pg.Pool({ ...address, password: () => password })
  onTestFinished(() => pool.end())
  await using app = await startApp({ schema, jobs: task, url: pgDriver(pool) })
  const heartbeatUrl = new URL(databaseUrl())
  const name = `${schema}_heartbeat`
  heartbeatUrl.searchParams.set('application_name', name)
  const renewed = app.next('lease.renewed')
  await app.start({ ...QUICK, heartbeatUrl: heartbeatUrl.href })
  await renewed
  // On a slow machine it connects again, and the server ends the first session a moment later.
  const [session] = await withClient((client) =>
    until(async () => {
      const text = 'SELECT query FROM pg_stat_activity WHERE application_name = $1'
      const { rows } = await client.query<{ query: string }>(text, [name])
      return rows.length === 1 ? rows : null
    }),
  )
  expect(session?.query).toContain('workers')
  expect(app.lines.filter(({ level }) => level === 'warn')).toEqual([])
})

function addressOf(dsn: string) {
  const { hostname, port, username, password, pathname, searchParams } = new URL(dsn)
  return {
    host: hostname,
    port: Number(port || 5432),
    user: username,
    password: decodeURIComponent(password),
    database: pathname.slice(1),
    application_name: searchParams.get('application_name') ?? '',
  }
}
