/** What the shop of the demo declares, pushes and does by hand: a state of each kind that the dashboard shows. */
import { randomUUID } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { type Chancy, Queue } from 'chancy'
import { pauseSchedule, schedule } from 'chancy/plugins/cron'
import {
  charge,
  deliverWebhook,
  importFiles,
  refund,
  renderPdf,
  report,
  sendMail,
  syncCustomer,
} from './show-jobs.ts'

const HOUR_MS = 3_600_000
const ADA = { id: 'ada@shop.example', name: 'Ada' }
const BOB = { id: 'bob@shop.example', name: 'Bob' }

export async function declareAll(chancy: Chancy): Promise<void> {
  const inline = { executor: 'inline' } as const
  const queues = [
    new Queue('mail', { ...inline, concurrency: 16 }),
    new Queue('newsletter', { ...inline, concurrency: 4 }),
    new Queue('payments', { ...inline, concurrency: 4, rateLimit: { max: 300, per: '60s' } }),
    new Queue('webhooks', { ...inline, concurrency: 4, rateLimit: { max: 24, per: '60s' } }),
    new Queue('pdf', { ...inline, concurrency: 1 }),
    new Queue('crm', { ...inline, concurrency: 8 }),
    new Queue('reports', { ...inline, concurrency: 2 }),
    new Queue('imports', { ...inline, concurrency: 4 }),
    new Queue('sms', { ...inline, concurrency: 4 }),
    // No worker of the demo has this tag.
    new Queue('gpu', { ...inline, tags: ['gpu'] }),
  ]
  for (const queue of queues) await chancy.declare(queue)
  const berlin = { timeZone: 'Europe/Berlin' }
  await schedule(chancy, { key: 'daily-report', cron: '30 2 * * *', ...berlin, job: report })
  await schedule(chancy, { key: 'weekly-report', cron: '0 7 * * MON', ...berlin, job: report })
  await schedule(chancy, { key: 'heartbeat', every: '15s', job: report })
  await schedule(chancy, { key: 'stock-check', cron: '*/30 * * * *', job: report, catchUp: 'skip' })
  await schedule(chancy, { key: 'month-end', cron: '0 23 28 * *', job: report })
  await pauseSchedule(chancy, 'month-end', { reason: 'the books of this month are still open' })
}

/** What ran in the release before: all of it ends. */
export async function pushFirst(chancy: Chancy): Promise<void> {
  const mails = [31, 62, 93, 124, 1, 2, 4, 5, 7, 8].map(mailOf)
  const pushed = await chancy.pushMany([...mails, chargeOf(17), chargeOf(34), chargeOf(51)])
  await chancy.waitForJobs(pushed, { timeout: '60s' })
}

/** What stands there from the beginning. */
export async function fill(chancy: Chancy): Promise<void> {
  await chancy.pushMany(times(120, mailOf))
  await chancy.pushMany(times(40, chargeOf))
  await chancy.pushMany(times(80, syncOf))
  await chancy.pushMany(times(24, (at) => webhookOf(`2026-${4_000 + at}`)))
  await chancy.pushMany(
    times(6, (at) =>
      renderPdf.job.withArgs({ orderId: `2026-${4_000 + at}`, pages: 40 + at * 20 }),
    ),
  )
  await chancy.pauseQueue('sms', {
    resumeAt: new Date(Date.now() + 3 * HOUR_MS),
    actor: ADA,
    reason: 'the provider is down, ticket 4711',
  })
  await chancy.pushMany(times(25, (at) => mailOf(at).withQueue('sms')))
  await chancy.pushMany(times(3, () => report.job.withQueue('gpu')))
  await chancy.push(report.job.withQueue('legacy'))
  await chancy.pushMany(times(900, (at) => mailOf(at).withQueue('newsletter').withDelay('20h')))
  await chancy.push(mailOf(3).withDelay('2h').withUniqueKey('newsletter'))
  await chancy.push(refund.job.withArgs({ orderId: '2026-4011', cents: 4_900 }))
  const sources = ['customers.csv', 'orders.csv', 'items.csv']
  await chancy.push(importFiles({ sources }))
  await chancy.push(importFiles({ sources: [...sources, 'prices.broken'] }))
}

/** What people did: some of it still runs, some of it was taken back. */
export async function actByHand(chancy: Chancy): Promise<void> {
  const mistaken = await chancy.push(mailOf(4).withDelay('1h'))
  await chancy.cancel(mistaken, { actor: BOB, reason: 'sent twice' })
  const removed = await chancy.bulk.start(
    { action: 'delete', where: 'queue:mail state:succeeded' },
    { actor: BOB, reason: 'to make room', undoWindow: '10m' },
  )
  await chancy.bulk.undo(removed.id, { actor: ADA, reason: 'the support still needs them' })
  await chancy.bulk.start(
    { action: 'cancel', where: 'queue:newsletter' },
    { actor: ADA, reason: 'the wrong list of addresses', ratePerSecond: 1 },
  )
}

const times = <T>(count: number, make: (at: number) => T): T[] =>
  Array.from({ length: count }, (_, at) => make(at))

const mailOf = (at: number) =>
  sendMail.job.withArgs({
    to: `user${at}@example.org`,
    template: ['welcome', 'invoice', 'digest'][at % 3] ?? 'welcome',
    user: { id: at },
  })

const chargeOf = (at: number) =>
  charge.job.withArgs({ orderId: `2026-${4_000 + at}`, cents: 1_904 + at })

const syncOf = (at: number) =>
  syncCustomer.job
    .withArgs({ customerId: 17 + (at % 4), reason: 'address changed' })
    .withConcurrency(1, ({ customerId }) => `customer=${customerId}`)

const webhookOf = (orderId: string) => deliverWebhook.job.withArgs({ orderId, event: 'order.paid' })

/** A few jobs a second, so that there is something to see. */
export async function keepBusy(chancy: Chancy, signal: AbortSignal): Promise<void> {
  for (let at = 400; !signal.aborted; at++) {
    await chancy.pushMany(times(1 + (at % 9), (one) => mailOf(at * 10 + one)))
    if (at % 2 === 0) await chancy.push(chargeOf(at))
    if (at % 5 < 2) await chancy.push(syncOf(at))
    if (at % 3 === 1) await chancy.push(webhookOf(randomUUID().slice(0, 8)))
    if (at % 60 === 0) await chancy.push(importFiles({ sources: ['customers.csv', 'orders.csv'] }))
    if (at % 40 === 0) await chancy.push(renderPdf.job.withArgs({ orderId: String(at), pages: 30 }))
    await setTimeout(700, undefined, { signal }).catch(() => {})
  }
}
