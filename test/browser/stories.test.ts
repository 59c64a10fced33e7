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

  it('does on every page what the keys of that page say', async () => {
    const { chancy } = shop.app
    const twice = breaks.job.withMaxAttempts(2).withBackoff({ base: '10ms', jitter: 0 })
    const broken = await chancy.push(twice)
    await chancy.push(
      greet.job
        .withArgs({ user: 'kim' })
        .withQueue('sms')
        .withConcurrency(1, ({ user }) => user),
    )
    const page = await screens.open(server.url)
    page.setDefaultTimeout(15_000)
    const open = async (...keys: string[]) => {
      await press(page, ...keys)
      await page.getByRole('dialog').waitFor()
      await press(page, 'Escape')
      await page.getByRole('dialog').waitFor({ state: 'detached' })
    }
    const rows = page.locator('main [data-row]')
    const row = async (text: string) => {
      await rows.filter({ hasText: text }).first().waitFor()
      await page.evaluate('document.activeElement.blur()')
      for (let at = 0; at < 40; at++) {
        await press(page, 'j')
        if ((await page.locator('[data-row]:focus-within').textContent())?.includes(text)) return
      }
      throw new Error(`No row ${text}`)
    }

    // Overview: its tiles.
    const tiles = [
      'state:waiting',
      'state:running',
      'state:succeeded',
      '/failures',
      'state:waiting',
    ]
    for (const [at, place] of tiles.entries()) {
      await page.locator('a.tile').nth(4).waitFor()
      await press(page, String(at + 1))
      await page.waitForURL((url) => decodeURIComponent(url.href).includes(place))
      await press(page, 'g', 'o')
    }

    // Queues: pause one for a time, resume it, open it.
    await press(page, 'g', 'q')
    await row('mail')
    await press(page, 'Shift+P')
    await page.getByRole('dialog').getByLabel('How long').selectOption('for 1 hour')
    await press(page, 'Enter')
    await page.getByRole('button', { name: 'Resume mail' }).waitFor()
    expect((await chancy.getQueue('mail')).resumeAt).not.toBeNull()
    await row('mail')
    await press(page, 'Shift+P')
    await page.getByRole('button', { name: 'Pause mail' }).waitFor()
    await row('mail')
    await press(page, 'Enter')
    await page.waitForURL('**/queues/mail')
    await page.getByRole('button', { name: 'Edit…' }).waitFor()
    await open('e')

    // Jobs: filter, columns, select one and a range, all that match.
    await press(page, 'g', 'j')
    await rows.nth(2).waitFor()
    await open('v')
    await press(page, 'j', 'x', 'j', 'j', 'Shift+X')
    await page.getByText('3 jobs selected').waitFor()
    await press(page, 'Shift+A')
    await page.getByText('All that match', { exact: true }).first().waitFor()
    await open('t')
    await press(page, '/')
    await page.keyboard.type('state:failed')
    await press(page, 'Control+Enter')
    await page.waitForURL('**/jobs?q=state%3Afailed')

    // A job: copy its id, its attempts, all of its JSON, edit, cancel and retry.
    await chancy.waitForJobs([broken], { timeout: '20s' })
    await page.goto(`${server.url}jobs/${broken.id}`)
    const attempt = (at: number) =>
      page.locator(`.in-panel [aria-pressed="true"]`, { hasText: `${at}` })
    await attempt(2).waitFor()
    await press(page, 'ArrowLeft')
    await attempt(1).waitFor()
    await press(page, 'ArrowRight')
    await attempt(2).waitFor()
    await press(page, 'y')
    await page.getByText(/^Id (copied|cannot be copied)/).waitFor()
    await press(page, 'o')
    expect(await page.locator('main details:not([open])').count()).toBe(0)
    await page.goto(`${server.url}jobs/${shop.waiting}`)
    await page.getByRole('button', { name: 'Edit…' }).waitFor()
    await open('e')
    await press(page, 'c')
    await page.getByRole('button', { name: 'Retry' }).waitFor()
    await press(page, 't')
    await page.getByRole('button', { name: 'Cancel' }).waitFor()
    await press(page, 'n')
    await page.getByText('waits no longer').waitFor()

    // Failures: mute, take it back, resolve, take it back.
    await press(page, 'g', 'f')
    await row('breaks')
    const breaking = (state: string) =>
      page
        .locator(`main [data-row][data-state="${state}"]`, { hasText: 'breaks' })
        .first()
        .waitFor()
    await press(page, 'm')
    await breaking('muted')
    await press(page, 'u')
    await breaking('open')
    await row('breaks')
    await press(page, 's')
    await breaking('resolved')
    await press(page, 'u')
    await breaking('open')
    await row('breaks')
    await open('t')
    await row('breaks')
    await press(page, 'Enter')
    await page.getByRole('button', { name: 'Mute' }).waitFor()
    await open('t')

    // Workflows: zoom, move, what runs next, list.
    await page.goto(`${server.url}workflows/${shop.workflow}`)
    await page.locator('.graph a.node').first().waitFor()
    const width = () => page.locator('.graph svg[role]').evaluate((one) => one.clientWidth)
    const first = await width()
    await press(page, '+', '+')
    expect(await width()).toBeGreaterThan(first)
    await press(page, '0')
    await until(async () => (await width()) === first)
    await press(page, '-')
    expect(await width()).toBeLessThan(first)
    for (let at = 0; at < 9; at++) await press(page, '+')
    await press(page, 'ArrowRight', 'ArrowDown', 'n')
    const moved = await page.locator('.graph-view').evaluate((one) => one.scrollLeft)
    expect(moved).toBeGreaterThan(0)
    await press(page, 'l')
    await page.locator('.graph').waitFor({ state: 'detached' })

    // Schedules: preview, pause, resume, run now.
    await press(page, 'g', 's')
    await row('nightly')
    await open('v')
    await row('nightly')
    await press(page, 'Shift+P')
    await page.getByText('nightly is paused').waitFor()
    await press(page, 'u')
    await page.getByText('Taken back').first().waitFor()
    await row('nightly')
    await press(page, 'n')
    await page.getByText(/A job of nightly is/).waitFor()

    // Workers and groups: open one.
    await press(page, 'g', 'k')
    await row('alive')
    await press(page, 'Enter')
    await page.waitForURL('**/workers/*')
    await press(page, 'g', 'l')
    await row('kim')
    await press(page, 'Enter')
    await page.waitForURL('**/groups/*')

    // Charts: move, longer, shorter, table.
    await press(page, 'g', 'm')
    await page.getByRole('heading', { name: 'Charts' }).waitFor()
    await press(page, '-')
    await page.waitForURL('**/charts?range=7+d')
    await press(page, '+')
    await page.waitForURL('**/charts?range=24+h')
    await press(page, 'x')
    await page.waitForURL('**view=table**')
    await press(page, 'ArrowLeft')
    await page.waitForURL('**from=**')
    const from = new URL(page.url()).searchParams.get('from')
    await press(page, 'ArrowRight')
    await page.waitForURL((url) => url.searchParams.get('from') !== from)

    // Actions: slower, faster, pause, continue, stop and take back an action on many jobs.
    await chancy.pushMany(
      Array.from({ length: 60 }, () => greet.job.withArgs({ user: 'all' }).withQueue('sms')),
    )
    await chancy.bulk.start(
      { action: 'cancel', where: 'queue:sms' },
      { actor: { id: 'ada' }, ratePerSecond: 1, undoWindow: '1h' },
    )
    await press(page, 'g', 'a')
    const bulk = async () => (await chancy.bulk.list()).items[0]!
    await row('queue:sms')
    await press(page, '+')
    await until(async () => (await bulk()).ratePerSecond === 2)
    await row('queue:sms')
    await press(page, '-')
    await until(async () => (await bulk()).ratePerSecond === 1)
    await row('queue:sms')
    await press(page, 'p')
    await page.getByRole('button', { name: 'Continue' }).waitFor()
    expect((await bulk()).state).toBe('paused')
    await row('queue:sms')
    await open('Backspace')
    await row('queue:sms')
    await press(page, 'u')
    await page.getByText('It is being taken back').waitFor()
    // Without such a row they are the keys of every page.
    await press(page, 'g', 'w')
    await rows.first().waitFor()
    await press(page, 'p')
    await page.locator('[data-mode="paused"]').waitFor()
  }, 120_000)

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
