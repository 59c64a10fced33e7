import type { RunningServer } from 'chancy/http/node'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeInBrowser, Screens, serveApp, wrongIn } from '../support/dashboard.ts'
import { testSchema } from '../support/database.ts'
import { HOSTILE, openShop, type Shop } from '../support/shop.ts'
import { sized } from '../support/size.ts'
import { until } from '../support/until.ts'

const WIDTHS = [320, 390, 768, 1_280]
const MOST_STEPS = 150

/** In the page: what has the focus, by its place among all, and what is wrong with it. */
const FOCUS = `(() => {
  const one = document.activeElement
  if (one === null || one === document.body) return { id: '', wrong: '' }
  const place = one.getBoundingClientRect()
  const style = getComputedStyle(one)
  const id = [...document.querySelectorAll('*')].indexOf(one) + ' ' + one.outerHTML.slice(0, 90)
  const isMarked = style.outlineStyle !== 'none' || style.boxShadow !== 'none' ||
    one.closest('.line')?.matches(':focus-within') === true ||
    [...one.children].some((child) => getComputedStyle(child).strokeWidth === '3px')
  const x = Math.min(innerWidth - 1, Math.max(0, place.x + place.width / 2))
  const y = place.y + place.height / 2
  const isInside = y >= 0 && y < innerHeight && place.width > 0 && place.height > 0
  const top = isInside ? document.elementFromPoint(x, y) : null
  const isSeen = top !== null && (one.contains(top) || top.contains(one) ||
    [...document.querySelectorAll('label')].some((label) => label.contains(one) && label.contains(top)))
  return {
    id,
    wrong: !isMarked ? 'no mark' : !isInside ? 'outside of the screen' : !isSeen ? 'hidden by ' + (top?.outerHTML ?? '').slice(0, 60) : '',
  }
})()`

describeInBrowser('every page', () => {
  const schema = testSchema()
  const screens = new Screens()
  let shop: Shop
  let server: RunningServer
  let paths: readonly string[]

  beforeAll(async () => {
    shop = await openShop(schema)
    server = await serveApp(shop.app.chancy, { push: true })
    paths = [
      ...['', 'queues', 'jobs', 'failures', 'workers', 'workflows', 'schedules', 'groups'],
      ...['charts', 'actions', `queues/${encodeURIComponent(HOSTILE)}`, `jobs/${shop.failed}`],
      ...[`jobs/${shop.waiting}`, `workflows/${shop.workflow}`, 'schedules/nightly', 'nowhere'],
    ]
  })
  afterAll(async () => {
    await server?.close()
    await shop?.app[Symbol.asyncDispose]()
  })

  it.each(['light', 'dark'] as const)(
    'has nothing that axe objects to, and fits every width, in %s',
    async (theme) => {
      const page = await screens.open(server.url, { theme })
      const found: string[] = []
      for (const [at, path] of paths.entries()) {
        // Every other page in a theme, unless at full size.
        if (at % 2 === (theme === 'light' ? 0 : 1) && sized(true, false)) continue
        await page.goto(server.url + path)
        await page.locator('main h1').first().waitFor({ state: 'attached' })
        await until(async () => (await page.locator('.bones').count()) === 0)
        for (const [place, width] of WIDTHS.entries()) {
          await page.setViewportSize({ width, height: 900 })
          const wide = await page.evaluate<number>(
            'document.documentElement.scrollWidth - innerWidth',
          )
          if (wide > 0) found.push(`/${path} is ${wide} px too wide at ${width}`)
          // One width of each page at the small size, and all of them at the full one.
          const isTurn = (at >> 1) % WIDTHS.length === place
          if (isTurn || sized(false, true))
            found.push(...(await wrongIn(page)).map((one) => `${width} ${one}`))
        }
      }
      expect([...new Set(found)]).toEqual([])
    },
    120_000,
  )

  it('is gone through by Tab, whose focus is never lost, hidden or without a mark', async () => {
    const page = await screens.open(server.url)
    const found: string[] = []
    for (const [at, path] of paths.entries()) {
      // At the small size every fifth page, and all of them at the full one.
      if (at % 5 !== 0 && sized(true, false)) continue
      for (const width of sized([at % 2 === 0 ? 1_280 : 390], [390, 1_280])) {
        await page.setViewportSize({ width, height: 900 })
        await page.goto(server.url + path)
        await page.locator('main h1').first().waitFor({ state: 'attached' })
        await until(async () => (await page.locator('.bones').count()) === 0)
        const all = new Set<string>()
        for (let step = 0; step < MOST_STEPS; step++) {
          await page.keyboard.press('Tab')
          const { id, wrong } = await page.evaluate<{ id: string; wrong: string }>(FOCUS)
          if (wrong !== '') found.push(`/${path}, ${width}, after ${step + 1}: ${wrong} at ${id}`)
          // Around once: the browser's own parts have had it.
          if (id === '' || (all.has(id) && step > 3)) break
          all.add(id)
        }
        expect([path, all.size > 5]).toEqual([path, true])
      }
    }
    expect(found).toEqual([])
  }, 120_000)

  it('shows what Chancy says of a job that failed, and hostile text as text', async () => {
    const page = await screens.open(`${server.url}jobs/${shop.failed}`)
    const job = await shop.app.chancy.getJob(shop.failed)
    await page.getByText('Failed attempt').waitFor()
    const text = await page.locator('main').textContent()
    expect(text).toContain('breaks')
    expect(text).toContain(job?.errors[0]?.message)
    expect(text).toContain(shop.failed)
    expect(await page.locator('main img').count()).toBe(0)
  })

  it('says why a job waits, with a link to the queue that is paused', async () => {
    const page = await screens.open(`${server.url}jobs/${shop.waiting}`)
    const why = page.getByRole('region', { name: 'Why it waits' })
    await why.getByText('is paused').waitFor()
    expect(await why.getByRole('link', { name: 'sms' }).getAttribute('href')).toBe('/queues/sms')
  })

  it('draws the graph of a workflow, with a link for each step', async () => {
    const page = await screens.open(`${server.url}workflows/${shop.workflow}?view=graph`)
    await page.locator('.graph a.node').first().waitFor()
    expect(
      await page
        .locator('.graph a.node')
        .evaluateAll((all) => all.map((one) => one.textContent).sort()),
    ).toEqual(['brokenfailed · error', 'firstsucceeded', 'lastskipped'])
  })

  it('opens a filter from a link, and shows the jobs that fit it alone', async () => {
    const page = await screens.open(`${server.url}jobs?q=state:failed`)
    await page.locator('tr[data-row]').first().waitFor()
    const states = await page.locator('tr[data-row] .state').allInnerTexts()
    expect(new Set(states)).toEqual(new Set(['failed']))
  })
})
