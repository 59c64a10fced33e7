import { Queue } from 'chancy'
import type { RunningServer } from 'chancy/http/node'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeInBrowser, Screens, serveApp } from '../support/dashboard.ts'
import { testSchema } from '../support/database.ts'
import { greet, openShop, type Shop } from '../support/shop.ts'
import { until } from '../support/until.ts'

describeInBrowser('acting', () => {
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

  const stateOf = async (id: string) => (await shop.app.chancy.getJob(id))?.state

  it('cancels a job with a key, and takes it back with another', async () => {
    const page = await screens.open(`${server.url}jobs/${shop.waiting}`)
    await page.getByRole('button', { name: 'Cancel' }).waitFor()
    await page.keyboard.press('c')
    await page.getByText('greet is cancelled').waitFor()
    expect(await stateOf(shop.waiting)).toBe('cancelled')
    await page.keyboard.press('u')
    await until(async () => (await stateOf(shop.waiting)) === 'pending')
  })

  it('goes to a page by two keys, through its rows by others, and opens one', async () => {
    const page = await screens.open(server.url)
    await page.keyboard.press('g')
    await page.keyboard.press('j')
    await page.locator('tr[data-row]').first().waitFor()
    await page.keyboard.press('j')
    await page.keyboard.press('j')
    const href = await page.locator(':focus').getAttribute('href')
    expect(href).toMatch(/^\/jobs\/[0-9a-f-]{36}$/)
    await page.keyboard.press('Enter')
    await page.waitForURL(`**${href}`)
    await page.goBack()
    await page.waitForURL('**/jobs')
  })

  it('pauses a queue with a reason and resumes it, without a pointer', async () => {
    const page = await screens.open(`${server.url}queues/mail`)
    await page.getByRole('button', { name: 'Pause', exact: true }).waitFor()
    await page.keyboard.press('Shift+P')
    await page.getByRole('dialog').waitFor()
    await page.keyboard.type('deploy')
    await page.keyboard.press('Enter')
    await page.getByText('mail is paused').waitFor()
    expect((await shop.app.chancy.getQueue('mail')).state).toBe('paused')
    await page.getByRole('button', { name: 'Resume' }).waitFor()
    await page.keyboard.press('Shift+P')
    await until(async () => (await shop.app.chancy.getQueue('mail')).state === 'active')
  })

  it('previews an action on many jobs, says what is skipped, and starts it', async () => {
    const { chancy } = shop.app
    const some = await chancy.pushMany(
      [1, 2, 3].map((at) => greet.job.withArgs({ user: `${at}` }).withQueue('sms')),
    )
    const page = await screens.open(`${server.url}jobs?q=queue:sms`)
    await page.locator('tr[data-row]').nth(2).waitFor()
    await page.keyboard.press('Shift+A')
    await page.getByText('All that match').first().waitFor()
    await page.keyboard.press('c')
    const dialog = page.getByRole('dialog')
    await dialog.locator('.effects li').first().waitFor()
    await dialog.getByLabel('Reason').fill('not wanted')
    await page.keyboard.press('Enter')
    await page.getByText('it runs').waitFor()
    await until(async () => (await stateOf(some[0]!.id)) === 'cancelled')
    await page.goto(`${server.url}actions`)
    await page.getByText('not wanted').first().waitFor()
  })

  it('runs now, moves and reprioritises many jobs after a preview, at a rate, and takes it back', async () => {
    const { chancy } = shop.app
    await chancy.declare(new Queue('later', { executor: 'inline' }))
    await chancy.pauseQueue('later')
    const some = await chancy.pushMany(
      [1, 2, 3].map((at) =>
        greet.job
          .withArgs({ user: `${at}` })
          .withQueue('later')
          .withMeta({ batch: 7 })
          .withDelay('1h'),
      ),
    )
    const first = async () => (await chancy.getJob(some[0]!.id))!
    const before = await first()
    const page = await screens.open(`${server.url}jobs?q=meta.batch:7`)
    await page.locator('tr[data-row]').nth(2).waitFor()
    expect(await page.getByRole('button', { name: 'Move…' }).getAttribute('aria-disabled')).toBe(
      'true',
    )
    const dialog = page.getByRole('dialog')
    /** Opens the dialog of an action, fills it in, starts it, and takes it back by the key once it has acted. */
    const act = async (
      button: string,
      fill: () => Promise<unknown>,
      has: () => Promise<boolean>,
    ) => {
      await page.keyboard.press('Shift+A')
      await page.getByRole('button', { name: button }).click()
      await fill()
      await dialog.locator('.effects li').first().waitFor()
      expect(await dialog.locator('.effects').textContent()).toMatch(/3.*→/)
      await dialog.getByLabel('Jobs a second').fill('500')
      await dialog.getByText('it can be undone').waitFor()
      await dialog.getByLabel('Reason').fill(`to see ${button}`)
      await page.keyboard.press('Enter')
      await page.getByText('it runs, at 500/s').waitFor()
      await until(has)
      await page.keyboard.press('u')
      await until(async () => {
        const now = await first()
        return (
          now.queue === before.queue &&
          now.priority === before.priority &&
          now.scheduledAt?.getTime() === before.scheduledAt?.getTime()
        )
      })
      await page.getByRole('button', { name: 'Dismiss' }).first().click()
    }
    await act(
      'Priority…',
      () => dialog.getByLabel('Priority').fill('9'),
      async () => (await first()).priority === 9,
    )
    await act(
      'Move…',
      () => dialog.getByLabel('To the queue').fill('sms'),
      async () => (await first()).queue === 'sms',
    )
    await act(
      'Run now…',
      async () => {},
      async () => (await first()).scheduledAt?.getTime() !== before.scheduledAt?.getTime(),
    )
    const { items } = await chancy.bulk.list()
    expect(items.map(({ action }) => action)).toEqual(
      expect.arrayContaining(['reprioritise', 'move', 'run-now', 'undo']),
    )
  }, 60_000)

  it('closes a dialog by Escape, and puts the focus back', async () => {
    const page = await screens.open(`${server.url}queues/mail`)
    const edit = page.getByRole('button', { name: 'Edit…' })
    await edit.focus()
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    expect(await page.locator(':focus').textContent()).toContain('Edit…')
  })
})
