import { Queue } from 'chancy'
import type { RunningServer } from 'chancy/http/node'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeInBrowser, Screens, serveApp } from '../support/dashboard.ts'
import { testSchema } from '../support/database.ts'
import { breaks, greet, openShop, type Shop } from '../support/shop.ts'
import { until } from '../support/until.ts'

/** What an operator is called for, done with keys alone: no test of this file uses a pointer. */
describeInBrowser('by keys alone', () => {
  const schema = testSchema()
  const screens = new Screens()
  let shop: Shop
  let server: RunningServer

  beforeAll(async () => {
    shop = await openShop(schema)
    server = await serveApp(shop.app.chancy)
  })
  afterAll(async () => {
    await server?.close()
    await shop?.app[Symbol.asyncDispose]()
  })

  const focused = (page: Page) => page.locator(':focus')
  const press = async (page: Page, ...keys: string[]) => {
    for (const key of keys) await page.keyboard.press(key)
  }

  it('finds the group that fails since the deploy, and retries all of it slowly', async () => {
    const { chancy } = shop.app
    const more = await chancy.pushMany([1, 2, 3].map(() => breaks))
    await chancy.waitForJobs(more, { timeout: '20s' })
    const page = await screens.open(server.url)
    await press(page, 'g', 'f')
    await page.locator('.failures [data-row]').first().waitFor()
    await press(page, 'j')
    const row = page.locator('[data-row]:focus-within')
    expect(await row.textContent()).toMatch(/breaks.*new.*since v1/s)
    await press(page, 't')
    const dialog = page.getByRole('dialog')
    await dialog.locator('.effects li').first().waitFor()
    expect(await dialog.getByLabel('Jobs a second').inputValue()).toBe('10')
    await dialog.getByLabel('Reason').waitFor()
    await tabTo(page, 'Reason')
    await page.keyboard.type('the cause is gone')
    await press(page, 'Enter')
    await page.getByText('it runs, at 10/s').waitFor()
    await until(async () => {
      const job = await chancy.getJob(more[0]!.id)
      return job !== null && job.attempts > 1
    })
    await press(page, 'g', 'a')
    await page.getByText('the cause is gone').first().waitFor()
    const { items } = await chancy.bulk.list()
    expect(items[0]).toMatchObject({ action: 'retry', ratePerSecond: 10 })
  })

  it('sees why one job waits, with who holds its group', async () => {
    const { chancy } = shop.app
    await chancy.declare(new Queue('line', { executor: 'inline' }))
    await chancy.pauseQueue('line', { reason: 'the till is counted', actor: { id: 'ada' } })
    const { id } = await chancy.push(greet.job.withArgs({ user: 'zoe' }).withQueue('line'))
    const page = await screens.open(server.url)
    await press(page, 'g', 'j')
    await page.locator('tr[data-row]').first().waitFor()
    await press(page, '/')
    await page.keyboard.type('args.user:zoe')
    await press(page, 'Control+Enter')
    await page.waitForURL('**/jobs?q=args.user*')
    await until(async () => (await page.locator('tr[data-row]').count()) === 1)
    await press(page, 'Escape')
    await press(page, 'j')
    await press(page, 'Enter')
    await page.waitForURL(`**/jobs/${id}`)
    const why = page.getByRole('region', { name: 'Why it waits' })
    await why.getByText('is paused').waitFor()
    await tabTo(page, 'line', why.getByRole('link', { name: 'line' }))
    await press(page, 'Enter')
    await page.waitForURL('**/queues/line')
    await page.getByText('the till is counted').first().waitFor()
  })

  it('sees who paused a queue, when and why, from the first page', async () => {
    const { chancy } = shop.app
    await chancy.declare(new Queue('pauses', { executor: 'inline' }))
    await chancy.pauseQueue('pauses', {
      actor: { id: 'bob', name: 'Bob' },
      reason: 'the provider is down',
    })
    const page = await screens.open(server.url)
    const row = page.locator('.findings [data-row]', { hasText: 'pauses is paused' })
    await page.locator('.findings [data-row]').first().waitFor()
    if ((await row.count()) === 0) {
      await tabTo(page, 'more', page.getByRole('button', { name: /^\d+ more$/ }))
      await press(page, 'Enter')
    }
    await row.getByText('by Bob').waitFor()
    expect(await row.textContent()).toContain('the provider is down')
    await tabTo(page, 'pauses', row.getByRole('link').first())
    await press(page, 'Enter')
    await page.waitForURL('**/queues/pauses')
    await page.locator('.notice').getByText('Bob').waitFor()
  })

  it('shows the keys of a page, and switches them off', async () => {
    const page = await screens.open(`${server.url}failures`)
    await press(page, '?')
    const dialog = page.getByRole('dialog')
    await dialog.getByText('retry all of the group').waitFor()
    await tabTo(page, 'Keys of one character', dialog.getByRole('checkbox'))
    await press(page, 'Space', 'Escape')
    await dialog.waitFor({ state: 'detached' })
    await press(page, 'g', 'q')
    expect(new URL(page.url()).pathname).toBe('/failures')
  })

  /** Presses Tab until it is reached: what Tab does not reach fails here. */
  async function tabTo(
    page: Page,
    label: string,
    target = page.getByRole('dialog').getByLabel(label),
  ): Promise<void> {
    await target.first().waitFor()
    for (let at = 0; at < 120; at++) {
      if (await target.first().evaluate((one) => one.matches(':focus'))) return
      await page.keyboard.press('Tab')
    }
    throw new Error(`Tab does not reach ${label}: ${await focused(page).textContent()}`)
  }
})
