import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Chancy, Queue } from 'chancy'
import { createHandler, type HandlerOptions } from 'chancy/http'
import { serve, toNode } from 'chancy/http/node'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startApp, type TestApp } from '../support/app.ts'
import { describeInBrowser, Screens, wrongIn } from '../support/dashboard.ts'
import { databaseUrl, testSchema } from '../support/database.ts'
import { greet } from '../support/shop.ts'

describeInBrowser('access, mounts and streams', () => {
  const schema = testSchema()
  const screens = new Screens()
  let app: TestApp
  const closing: (() => Promise<unknown>)[] = []

  beforeAll(async () => {
    app = await startApp({ schema, jobs: [greet] })
    await app.chancy.declare(new Queue('mail', { executor: 'inline' }))
  })
  afterAll(async () => {
    for (const close of closing) await close()
    await app?.[Symbol.asyncDispose]()
  })

  const start = async (options: HandlerOptions, port = 0) => {
    const server = await serve(createHandler(app.chancy, options), { port })
    closing.push(() => server.close())
    return server
  }

  it('says who one is and what the role lacks, and offers no button that it lacks', async () => {
    const { url } = await start({
      access: () => ({ actor: { id: 'eve', name: 'Eve' }, role: 'view' }),
    })
    const page = await screens.open(`${url}actions`)
    const text = await page.locator('main').textContent()
    expect(text).toContain('Eve')
    expect(text).toContain('audit.view')
    await page.goto(`${url}queues/mail`)
    await page.getByText('Why they wait').waitFor()
    expect(await page.getByRole('button', { name: /Pause|Edit|Delete/ }).count()).toBe(0)
  })

  it('says that one has to sign in', async () => {
    const { url } = await start({ access: () => null })
    const page = await screens.open(url)
    expect(await page.locator('main').textContent()).toMatch(/sign in/i)
  })

  it('says that nothing is there yet, and what to do', async () => {
    const { url } = await start({})
    const page = await screens.open(`${url}jobs`)
    await page.getByText('No job yet').waitFor()
    await page.goto(`${url}workers`)
    await page.getByText('No worker is alive').waitFor()
    expect(await page.getByRole('button', { name: 'Copy command' }).count()).toBe(1)
  })

  it('works below a path, whose links stay below it', async () => {
    const listener = toNode(createHandler(app.chancy, { basePath: '/a/b' }))
    const server = createServer((request, response) => void listener(request, response)).listen(
      0,
      '127.0.0.1',
    )
    await new Promise((resolve) => server.once('listening', resolve))
    closing.push(
      () =>
        new Promise((resolve) => {
          server.closeAllConnections()
          server.close(resolve)
        }),
    )
    const { port } = server.address() as AddressInfo
    const page = await screens.open(`http://127.0.0.1:${port}/a/b/queues/mail`)
    await page.getByRole('link', { name: 'Jobs', exact: true }).click()
    await page.waitForURL('**/a/b/jobs')
    await page.getByRole('heading', { name: 'Jobs' }).waitFor()
  })

  it('shows a job that is pushed elsewhere, by its stream', async () => {
    const { url } = await start({})
    const page = await screens.open(`${url}queues`)
    await page.locator('[data-mode="live"]').waitFor()
    await app.chancy.declare(new Queue('fresh', { executor: 'inline' }))
    await page.getByRole('link', { name: 'fresh' }).waitFor()
  })

  it('survives a server that is stopped and started again', async () => {
    const first = await start({})
    const page = await screens.open(`${first.url}queues`)
    await page.getByRole('link', { name: 'mail' }).waitFor()
    await first.close()
    await page.locator('[data-mode="lost"]').waitFor()
    // The last data stay, grey, with their age, and the page says once what is wrong.
    await page.locator('.panel.stale .old', { hasText: 'As of' }).waitFor()
    expect(await page.getByRole('link', { name: 'mail' }).count()).toBe(1)
    expect(await page.locator('.panel [role="alert"]').count()).toBe(0)
    expect(await wrongIn(page)).toEqual([])
    await start({}, first.port)
    await page.locator('[data-mode="live"], [data-mode="poll"]').waitFor()
    await page.locator('.panel.stale').waitFor({ state: 'detached' })
  })

  it('says of what has ended that it does not change, and reads it again by a key', async () => {
    const { id } = await app.chancy.push(greet.job.withArgs({ user: 'eve' }))
    await app.chancy.cancel(id)
    const { url } = await start({})
    const page = await screens.open(`${url}jobs/${id}`)
    await page.locator('.live', { hasText: /as of \d\d:\d\d:\d\d/ }).waitFor()
    const asked = (part: string) => page.waitForRequest((one) => one.url().includes(part))
    await Promise.all([asked(`/jobs/${id}`), asked('/audit'), page.keyboard.press('r')])
    // What asks again says how often, and is asked by the key before that.
    await page.keyboard.press('g')
    await page.keyboard.press('w')
    await page.locator('.live', { hasText: 'every 5 s' }).waitFor()
    await page.getByText('No workflow yet').waitFor()
    await Promise.all([asked('/workflows'), page.keyboard.press('r')])
  })

  it('says that the schema needs a migration, with the command', async () => {
    const empty = new Chancy(databaseUrl(schema), { schema: `${schema}_none` })
    closing.push(() => empty.close())
    const server = await serve(createHandler(empty), { port: 0 })
    closing.push(() => server.close())
    const page = await screens.open(server.url)
    await page.getByText('npx chancy migrate').waitFor()
  })
})
