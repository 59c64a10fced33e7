import type { RunningServer } from 'chancy/http/node'
import { cron } from 'chancy/plugins/cron'
import { failures } from 'chancy/plugins/failures'
import type { Page, Route } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startApp, type TestApp } from '../support/app.ts'
import { describeInBrowser, Screens, serveApp, wrongIn } from '../support/dashboard.ts'
import { testSchema } from '../support/database.ts'
import { greet, openShop, type Shop } from '../support/shop.ts'
import { sized } from '../support/size.ts'
import { until } from '../support/until.ts'

const WIDTHS = [320, 390, 768, 1_280]
const THEMES = ['light', 'dark'] as const
const NO_ID = '0198f2aa-0000-7000-8000-000000000000'

/** A page, and the title of its lack of rights. */
interface Visited {
  readonly path: string
  readonly title: string
}

/** What the server does to the questions of the page: everything but the session is met by it. */
type Fault = 'none' | 'silent' | 'broken' | 'limited' | 'denied' | 'lost'

const PROBLEMS = {
  broken: { status: 500, code: 'INTERNAL', title: 'Something went wrong', says: 'Request req-7' },
  limited: { status: 429, code: 'RATE_LIMITED', title: 'Too many requests', says: 'Wait 7 s' },
  denied: { status: 403, code: 'ACCESS_DENIED', title: 'Not allowed', says: 'does not include' },
} as const

/** A busy machine takes long for seventeen pages. */
const PATIENCE_MS = 180_000

describeInBrowser('each state of every page', () => {
  const screens = new Screens()
  const schema = testSchema()
  const emptySchema = testSchema()
  let shop: Shop
  let bare: TestApp
  let server: RunningServer
  let emptyServer: RunningServer
  let pages: readonly Visited[]

  beforeAll(async () => {
    shop = await openShop(schema)
    bare = await startApp({ schema: emptySchema, jobs: [greet], plugins: [cron(), failures()] })
    // Asked again and again: what is asked can be met by a test, and a stream cannot.
    server = await serveApp(shop.app.chancy, { live: 'poll', limits: UNLIMITED })
    emptyServer = await serveApp(bare.chancy, { live: 'poll', limits: UNLIMITED })
    let items: readonly { readonly fingerprint: string }[] = []
    // A worker writes groups of failures every few seconds.
    await until(async () => {
      items = (await shop.app.chancy.failures.list()).items
      return items.length > 0
    })
    const [worker] = await shop.app.chancy.getWorkers()
    pages = [
      visit('', 'Overview'),
      visit('queues', 'Queues'),
      visit('jobs', 'Jobs'),
      visit('failures', 'Failures'),
      visit('workers', 'Workers'),
      visit('workflows', 'Workflows'),
      visit('schedules', 'Schedules'),
      visit('groups', 'Groups'),
      visit('charts', 'Charts'),
      visit('actions', 'Actions'),
      visit('queues/sms', 'Queues'),
      visit(`jobs/${shop.waiting}`, 'Jobs'),
      visit(`failures/${items[0]!.fingerprint}`, 'Failures'),
      visit(`workers/${worker!.id}`, 'Workers'),
      visit(`workflows/${shop.workflow}`, 'Workflows'),
      visit('schedules/nightly', 'Schedules'),
      visit('groups/user%3D7', 'Groups'),
    ]
  })
  afterAll(async () => {
    await server?.close()
    await emptyServer?.close()
    await shop?.app[Symbol.asyncDispose]()
    await bare?.[Symbol.asyncDispose]()
  })

  let turns = 0
  /** Whether it fits all widths, and what axe finds: at full size at each of them, else now and then at one. */
  async function checkLooks(page: Page): Promise<string[]> {
    const found: string[] = []
    turns++
    for (const [at, width] of WIDTHS.entries()) {
      await page.setViewportSize({ width, height: 900 })
      const wide = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')
      if (wide > 0) found.push(`${wide} px too wide at ${width}`)
      if (turns % 8 === at * 2 || sized(false, true)) found.push(...(await wrongIn(page)))
    }
    return found
  }

  let states = 0
  /** Every fifth page in one state, so that each page is in one of them, in one theme; at full size all in both. */
  async function visitAll(
    base: string,
    look: (page: Page, visited: Visited, meet: (fault: Fault) => void) => Promise<void>,
  ): Promise<string[]> {
    const found: string[] = []
    const state = states++
    for (const [turn, theme] of THEMES.entries()) {
      if (state % 2 !== turn && sized(true, false)) continue
      const page = await screens.open(`${base}nowhere`, { theme })
      page.setDefaultTimeout(20_000)
      const meet = await meeting(page)
      for (const [at, visited] of pages.entries()) {
        if ((at + state) % 5 !== 0 && sized(true, false)) continue
        await look(page, visited, meet)
        const wrong = await checkLooks(page)
        found.push(...wrong.map((one) => `/${visited.path}, ${theme}: ${one}`))
      }
    }
    return found
  }

  it(
    'has a skeleton while nothing has answered',
    async () => {
      const found = await visitAll(server.url, async (page, { path }, meet) => {
        meet('silent')
        await go(page, path)
        await page.locator('main .bones').first().waitFor()
      })
      expect(found).toEqual([])
    },
    PATIENCE_MS,
  )

  it.each(sized(['broken', 'denied'], Object.keys(PROBLEMS)) as readonly (keyof typeof PROBLEMS)[])(
    'says in the panel what is wrong when its question is %s, and offers to ask again',
    async (fault) => {
      const found = await visitAll(server.url, async (page, { path }, meet) => {
        meet(fault)
        await go(page, path)
        const alert = page.locator('main [role="alert"]').first()
        await alert.getByText(PROBLEMS[fault].title).waitFor()
        expect(await alert.textContent()).toContain(PROBLEMS[fault].says)
        const again = alert.getByRole('button', { name: 'Try again' })
        expect(await again.count()).toBe(fault === 'denied' ? 0 : 1)
      })
      expect(found).toEqual([])
    },
    PATIENCE_MS,
  )

  it(
    'says above the page that the server does not answer, and continues by itself',
    async () => {
      const found = await visitAll(server.url, async (page, { path }, meet) => {
        meet('lost')
        await go(page, path)
        await page.locator('.lost-banner').waitFor()
      })
      expect(found).toEqual([])
    },
    PATIENCE_MS,
  )

  it(
    'says what the role lacks, with who one is, and offers nothing',
    async () => {
      const lacking = await serveApp(shop.app.chancy, {
        live: 'poll',
        limits: UNLIMITED,
        access: () => ({ actor: { id: 'eve', name: 'Eve' }, role: 'view' }),
      })
      try {
        const found = await visitAll(lacking.url, async (page, { path, title }) => {
          await page.route('**/api/v1/session', withoutVerbs)
          await page.goto(lacking.url + path)
          await page.getByRole('heading', { name: `${title} is not open to you` }).waitFor()
          expect(await page.locator('main').textContent()).toContain('Eve')
          expect(await page.locator('main button').count()).toBe(0)
        })
        expect(found).toEqual([])
      } finally {
        await lacking.close()
      }
    },
    PATIENCE_MS,
  )

  it(
    'says on each page that nothing is there, why, and what to do next',
    async () => {
      const page = await screens.open(emptyServer.url)
      page.setDefaultTimeout(20_000)
      for (const { path, says, copies } of EMPTY) {
        await go(page, path)
        for (const text of says) await page.locator('main').getByText(text).first().waitFor()
        const copied = page.locator('main').getByRole('button', { name: /^Copy (command|example)/ })
        expect([path, await copied.count()]).toEqual([path, copies])
      }
      expect(await checkLooks(page)).toEqual([])
      // On a page with jobs: which of the terms excludes them.
      const other = await screens.open(`${server.url}jobs?q=state:failed+queue:nowhere`)
      await other.getByText('Without queue:nowhere there are').waitFor()
    },
    PATIENCE_MS,
  )

  it(
    'says what is switched off, and shows what is there without it',
    async () => {
      const page = await screens.open(`${server.url}nowhere`)
      page.setDefaultTimeout(20_000)
      await page.route('**/api/v1/session', withoutPlugins)
      await page.goto(server.url)
      await page.getByText('No charts without the plugin metrics()').waitFor()
      await page.locator('.findings').getByText('sms is paused').waitFor()
      expect(await page.locator('.tile').count()).toBe(5)
      await go(page, 'failures')
      await page.getByText('Failures are not grouped').waitFor()
      await page.locator('tr[data-row]').getByText('is not a function').first().waitFor()
      await go(page, 'charts')
      await page.getByText('No charts without the plugin metrics()').waitFor()
      await page.getByRole('heading', { level: 1, name: 'Charts' }).waitFor()
      expect(await checkLooks(page)).toEqual([])
    },
    PATIENCE_MS,
  )

  it(
    'shows the fault of its own that each page can have',
    async () => {
      const page = await screens.open(`${server.url}jobs?q=state:failed`)
      page.setDefaultTimeout(20_000)
      // A filter that is wrong: the place of it, and the list stays.
      await page.locator('tr[data-row]').first().waitFor()
      await page.getByRole('combobox').fill('state:failed queues:mail')
      await page.keyboard.press('Control+Enter')
      await page.locator('.filter-fault u', { hasText: 'queues:mail' }).waitFor()
      expect(await page.locator('tr[data-row]').count()).toBeGreaterThan(0)
      // Too slow: what makes it faster.
      await page.route('**/api/v1/jobs?**', (route) =>
        route.fulfill(problem('QUERY_TOO_SLOW', 503)),
      )
      await page.keyboard.press('Escape')
      await page.keyboard.press('Escape')
      await page.keyboard.press('r')
      await page.getByText('Add a term with an index').waitFor()
      await page.unroute('**/api/v1/jobs?**')
      // Counts that are old, a worker that is not seen.
      await page.route('**/api/v1/events?**', (route) => changed(route, COUNTED_LONG_AGO))
      await page.goto(`${server.url}queues`)
      await page.getByText('10 min old').first().waitFor()
      await page.goto(`${server.url}workers`)
      await page.getByText(/not seen for \d+ s/).waitFor()
      await page.unroute('**/api/v1/events?**')
      // A schedule that stopped itself has its error on top.
      await page.route('**/api/v1/events?**', (route) => changed(route, BROKEN))
      await page.goto(`${server.url}schedules`)
      await page
        .locator('tr', { hasText: 'the job is gone' })
        .locator('.state', { hasText: 'broken' })
        .waitFor()
      await page.unroute('**/api/v1/events?**')
      // A job that changed meanwhile: both versions, and what was typed is kept.
      await page.goto(`${server.url}jobs/${shop.waiting}`)
      await page.getByRole('button', { name: 'Edit…' }).click()
      await page.getByLabel('Priority').fill('7')
      await shop.app.chancy.editJob(shop.waiting, { priority: 3 })
      await page.getByRole('button', { name: 'Save' }).click()
      await page.getByRole('button', { name: 'Save mine' }).waitFor()
      expect(await page.getByLabel('Priority').inputValue()).toBe('7')
      await page.getByRole('dialog').getByText('Now: 3').waitFor()
      await page.keyboard.press('Escape')
      await page.route('**/api/v1/events?**', (route) => changed(route, UNDECLARED))
      await page.goto(`${server.url}queues/mail`)
      await page.locator('.notice').getByText('is not declared').waitFor()
      await page.getByRole('button', { name: 'Declare…' }).waitFor()
    },
    PATIENCE_MS,
  )

  it(
    'shows on a narrow screen what each page has room for',
    async () => {
      const page = await screens.open(server.url, { width: 390, hasTouch: true })
      page.setDefaultTimeout(20_000)
      // The overview: one chart, with a chooser, where there are figures.
      await page.locator('.charts .chart, .message').first().waitFor()
      await until(async () => (await page.locator('.chart:visible').count()) === 1)
      await page.getByRole('button', { name: 'Run time' }).tap()
      await page.locator('.chart-title', { hasText: 'Run time' }).waitFor()
      expect(await page.locator('.chart:visible').count()).toBe(1)
      // Queues: name, state, what waits.
      await go(page, 'queues')
      const row = page.locator('tr[data-row]', { hasText: 'sms' })
      await row.waitFor()
      expect(await row.locator('td:visible').count()).toBeLessThanOrEqual(4)
      // Jobs: cards, and the filter as a sheet with fields.
      await go(page, 'jobs')
      await page.locator('tr[data-row]').first().waitFor()
      await page.getByRole('button', { name: 'Fields…' }).tap()
      await page.getByRole('dialog').getByLabel('failed').tap()
      await page.getByRole('button', { name: 'Show the jobs' }).tap()
      await page.waitForURL('**/jobs?q=state%3Afailed')
      // A job: its actions at the foot, and its timeline upright.
      await go(page, `jobs/${shop.failed}`)
      const retry = page.getByRole('button', { name: 'Retry' })
      await retry.waitFor()
      const place = await retry.boundingBox()
      expect(place!.y).toBeGreaterThan(700)
      const steps = await page
        .locator('.timeline li')
        .evaluateAll((all) => all.map((one) => one.getBoundingClientRect().left))
      expect(new Set(steps).size).toBe(1)
      // A workflow: the list, and its graph when it is asked for.
      await go(page, `workflows/${shop.workflow}`)
      await page.locator('tr[data-row]').first().waitFor()
      expect(await page.locator('.graph').count()).toBe(0)
      await page.getByRole('link', { name: 'graph' }).tap()
      await page.locator('.graph a.node').first().waitFor()
      // A schedule: the preview as a sheet.
      await go(page, 'schedules')
      await page.getByRole('button', { name: /^Preview/ }).tap()
      await page
        .getByRole('dialog')
        .getByText('Europe/Berlin')
        .first()
        .waitFor({ state: 'attached' })
      expect(await page.getByRole('dialog').locator('tbody tr').count()).toBe(20)
      await page.keyboard.press('Escape')
      // What is not in the bar is behind "More".
      await page.getByRole('button', { name: 'More' }).tap()
      await page.getByRole('dialog').getByRole('link', { name: 'Groups' }).tap()
      await page.waitForURL('**/groups')
    },
    PATIENCE_MS,
  )

  it('names the time of a job that is not there any more', async () => {
    const page = await screens.open(`${emptyServer.url}jobs/${NO_ID}`)
    await page.getByText('By its id it was pushed').waitFor()
  })
})

/** What each page says on a fresh schema, and how many commands or examples it offers to copy. */
const EMPTY = [
  { path: '', says: ['No job yet', 'No worker yet', 'No queue yet', 'No action yet'], copies: 3 },
  { path: 'queues', says: ['No queue is declared'], copies: 1 },
  { path: 'jobs', says: ['No job yet'], copies: 1 },
  { path: 'failures', says: ['Nothing has failed in 30 days'], copies: 0 },
  { path: 'workers', says: ['No worker is alive', 'No job waits for one'], copies: 1 },
  { path: 'workflows', says: ['No workflow yet'], copies: 1 },
  { path: 'schedules', says: ['No schedule yet'], copies: 1 },
  {
    path: 'groups',
    says: ['No limited job waits or runs', 'No queue has a rate limit'],
    copies: 1,
  },
  { path: 'charts', says: ['No point in this range', 'Nor is there one'], copies: 0 },
  { path: 'actions', says: ['No action on many jobs yet', 'Nothing was done yet'], copies: 0 },
] as const

/** Fields of every item of a topic, as they would be. */
const COUNTED_LONG_AGO = (item: Item) => ({
  ...item,
  ...(item.counts == null ? {} : { counts: { ...(item.counts as Item), ageMs: 600_000 } }),
  ...(item.renewedAt == null ? {} : unseen()),
})
const UNDECLARED = (item: Item) => ({ ...item, state: 'undeclared' })
const BROKEN = (item: Item) =>
  item.cron == null ? item : { ...item, state: 'broken', error: 'the job is gone', nextAt: null }

type Item = Record<string, unknown>

const unseen = (): Item => ({
  renewedAt: new Date(Date.now() - 20_000).toISOString(),
  expiresAt: new Date(Date.now() + 10_000).toISOString(),
})

async function changed(route: Route, change: (item: Item) => Item): Promise<void> {
  const response = await route.fetch()
  const answer = (await response.json()) as {
    items: { data: (Item & { items?: Item[] }) | null }[]
  }
  for (const one of answer.items) {
    if (one.data?.items) one.data.items = one.data.items.map(change)
    else if (one.data !== null) one.data = change(one.data)
  }
  await route.fulfill({ response, json: answer })
}

function problem(code: string, status: number) {
  const body = { title: code, status, code, detail: '', details: {}, requestId: 'req-7' }
  return { status, contentType: 'application/problem+json', body: JSON.stringify(body) }
}

async function withoutPlugins(route: Route): Promise<void> {
  const response = await route.fetch()
  const session = (await response.json()) as object
  await route.fulfill({ response, json: { ...session, plugins: [] } })
}

/** One page asks more in a second here than a person would. */
const UNLIMITED = { requestsPerSecond: 10_000, requestsBurst: 10_000 }

const visit = (path: string, title: string): Visited => ({ path, title })

/** To another page as a link leads there, without loading it again. */
async function go(page: Page, path: string): Promise<void> {
  await page.evaluate(`
    history.pushState(null, '', ${JSON.stringify(`/${path}`)})
    dispatchEvent(new PopStateEvent('popstate'))`)
}

async function meeting(page: Page): Promise<(fault: Fault) => void> {
  let fault: Fault = 'none'
  await page.route('**/api/v1/**', (route: Route) => {
    if (fault === 'none') return route.continue()
    if (fault === 'lost') return route.abort()
    if (route.request().url().endsWith('/session')) return route.continue()
    if (fault === 'silent') return
    const { status, code, title } = PROBLEMS[fault]
    return route.fulfill({
      status,
      contentType: 'application/problem+json',
      headers: { 'Retry-After': '7' },
      body: JSON.stringify({ title, status, code, detail: '', details: {}, requestId: 'req-7' }),
    })
  })
  return (next) => {
    fault = next
  }
}

async function withoutVerbs(route: Route): Promise<void> {
  const response = await route.fetch()
  const session = (await response.json()) as object
  await route.fulfill({ response, json: { ...session, verbs: [] } })
}
