import { Queue } from 'chancy'
import { createHandler } from 'chancy/http'
import { type RunningServer, serve } from 'chancy/http/node'
import type { BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startApp, type TestApp } from '../support/app.ts'
import { describeInBrowser, Screens } from '../support/dashboard.ts'
import { testSchema } from '../support/database.ts'
import { greet } from '../support/shop.ts'
import { sized } from '../support/size.ts'

/** What the browser itself takes to load them is most of this test. */
const TABS = sized(5, 20)
const HOURS_MS = 7_200_000

describeInBrowser('pages that are live', () => {
  const schema = testSchema()
  const screens = new Screens()
  let app: TestApp
  let server: RunningServer

  beforeAll(async () => {
    app = await startApp({ schema, jobs: [greet] })
    await app.chancy.declare(new Queue('mail', { executor: 'inline' }))
    server = await serve(createHandler(app.chancy), { port: 0 })
  })
  afterAll(async () => {
    await server?.close()
    await app?.[Symbol.asyncDispose]()
  })

  const declare = (name: string) => app.chancy.declare(new Queue(name, { executor: 'inline' }))
  const shows = (page: Page, name: string) => page.getByRole('link', { name, exact: true })
  const isIn = (page: Page, ...modes: string[]) =>
    page.locator(modes.map((mode) => `[data-mode="${mode}"]`).join(', ')).waitFor()

  it('opens its stream again when it is cut, and has what came meanwhile', async () => {
    const first = await serve(createHandler(app.chancy), { port: 0 })
    const page = await screens.open(`${first.url}queues`)
    await isIn(page, 'live')
    await first.close()
    await isIn(page, 'lost')
    await declare('meanwhile')
    const second = await serve(createHandler(app.chancy), { port: first.port })
    await isIn(page, 'live', 'poll')
    await shows(page, 'meanwhile').waitFor()
    await second.close()
  })

  it('has few streams over all windows of a browser, and each window shows what is new', async () => {
    const page = await screens.open(`${server.url}queues`)
    const context: BrowserContext = page.context()
    await isIn(page, 'live')
    const others: Page[] = []
    for (let at = 1; at < TABS; at++) {
      const other = await context.newPage()
      await other.goto(`${server.url}queues`, { waitUntil: 'commit' })
      others.push(other)
    }
    const all = [page, ...others]
    for (const one of all) {
      await isIn(one, 'live', 'poll')
      await shows(one, 'mail').waitFor()
    }
    const live = await Promise.all(all.map((one) => one.locator('[data-mode="live"]').count()))
    expect(live.filter((count) => count > 0).length).toBe(4)
    await declare('for-all')
    // A page without a stream asks again by the key.
    for (const one of all) {
      if ((await one.locator('[data-mode="poll"]').count()) > 0) await one.keyboard.press('r')
      await shows(one, 'for-all').waitFor()
    }
  }, 120_000)

  it('reads nothing while it is hidden, and continues when it is seen', async () => {
    const page = await screens.open(`${server.url}queues`)
    const other = await screens.open(`${server.url}queues`)
    await isIn(page, 'live')
    await isIn(other, 'live')
    await turn(page, 'hidden')
    const asked: string[] = []
    page.on('request', (request) => asked.push(request.url()))
    await declare('unseen')
    await shows(other, 'unseen').waitFor()
    expect(await shows(page, 'unseen').count()).toBe(0)
    expect(asked).toEqual([])
    await turn(page, 'visible')
    await shows(page, 'unseen').waitFor()
    expect(asked.filter((url) => url.includes('/events')).length).toBe(1)
  })

  it('goes by the clock of the server, whatever the browser has', async () => {
    const { id } = await app.chancy.push(greet.job.withArgs({ user: 'eve' }))
    for (const ahead of [HOURS_MS, -HOURS_MS]) {
      const page = await screens.open(`${server.url}jobs/${id}`, { aheadMs: ahead })
      await page.getByRole('region', { name: 'What happened' }).getByText('pushed').waitFor()
      const text = await page.locator('main').textContent()
      expect(text).toMatch(/waits for \d+ s/)
      expect(text).not.toMatch(/\d h |in \d+ (s|min)/)
      const clock = await page.locator('.top .time span').first().textContent()
      const minutes = (at: number) =>
        new Intl.DateTimeFormat('en-GB', {
          hour: '2-digit',
          minute: '2-digit',
          timeZone: 'Europe/Berlin',
        }).format(at)
      const near = [-60_000, 0, 60_000].map((by) => minutes(Date.now() + by))
      expect(near).toContain(clock?.slice(0, 5))
    }
  })
})

/** What a browser does to a tab that goes behind another one. */
async function turn(page: Page, state: 'hidden' | 'visible'): Promise<void> {
  await page.evaluate(`
    Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => '${state}' })
    document.dispatchEvent(new Event('visibilitychange'))`)
}
