import type { RunningServer } from 'chancy/http/node'
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
    bare = await startApp({ schema: emptySchema, jobs: [greet] })
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
  /** Every third page in one state, so that each page is in two of them, in one theme; at full size all in both. */
  async function visitAll(
    base: string,
    look: (page: Page, visited: Visited, meet: (fault: Fault) => void) => Promise<void>,
  ): Promise<string[]> {
    const found: string[] = []
    const state = states++
    for (const [turn, theme] of THEMES.entries()) {
      const page = await screens.open(`${base}nowhere`, { theme })
      page.setDefaultTimeout(20_000)
      const meet = await meeting(page)
      for (const [at, visited] of pages.entries()) {
        if (((at + state) % 3 !== 0 || (state + at) % 2 !== turn) && sized(true, false)) continue
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

  it.each(Object.keys(PROBLEMS) as (keyof typeof PROBLEMS)[])(
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

  it('names the time of a job that is not there any more', async () => {
    const page = await screens.open(`${emptyServer.url}jobs/${NO_ID}`)
    await page.getByText('By its id it was pushed').waitFor()
  })
})

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
