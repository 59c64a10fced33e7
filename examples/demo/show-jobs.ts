/** What the worker of `npm run demo -- --http` runs: jobs in every state, as a shop would have them. */
import { setTimeout } from 'node:timers/promises'
import { DiscardJob, job, signal, workflow } from 'chancy'

const sleep = (ms: number, signal: AbortSignal) => setTimeout(ms, undefined, { signal })
const some = (from: number, to: number) => from + Math.random() * (to - from)

/** What is deployed: the newer release breaks one template. */
export const shop = { release: 'v2.4.0' }

export const sendMail = job(
  { name: 'mail.send', queue: 'mail', maxAttempts: 2, backoff: { base: '5s' } },
  async (mail: { to: string; template: string; user: { id: number } }, { signal, attempt }) => {
    await sleep(some(20, 180), signal)
    if (mail.template === 'digest' && mail.user.id % 10 < 3 && shop.release === 'v2.4.1')
      throw new TypeError("Cannot read properties of undefined (reading 'unsubscribeUrl')")
    if (mail.user.id % 31 === 0 && attempt === 1) throw new Error('451 greylisted, try again later')
    return { messageId: `<${mail.user.id}@mail.example>`, accepted: true }
  },
)

export const charge = job(
  { name: 'payments.charge', queue: 'payments', maxAttempts: 2 },
  async (order: { orderId: string; cents: number }, { signal }) => {
    await sleep(some(60, 400), signal)
    if (order.cents % 17 === 0) throw new DiscardJob(`card of order ${order.orderId} was declined`)
    return { receipt: `R-${order.orderId}`, cents: order.cents }
  },
)

export const renderPdf = job(
  { name: 'pdf.render', queue: 'pdf', maxAttempts: 1 },
  async ({ pages }: { orderId: string; pages: number }, { signal, progress }) => {
    for (let page = 1; page <= pages; page++) {
      await sleep(400, signal)
      progress({ done: page, total: pages })
    }
    return { bytes: pages * 48_211 }
  },
)

/** A partner whose service takes few calls a minute. */
export const deliverWebhook = job(
  { name: 'webhooks.deliver', queue: 'webhooks', maxAttempts: 5 },
  async ({ event }: { orderId: string; event: string }, { signal }) => {
    await sleep(some(60, 240), signal)
    return { status: 202, event }
  },
)

export const approved = signal<{ by: string }, 'approved'>('approved')

/** Waits for a person, without a slot. */
export const refund = job(
  { name: 'payments.refund', queue: 'payments', durable: true },
  async ({ orderId, cents }: { orderId: string; cents: number }, ctx) => {
    const checked = await ctx.step('check the order', () => ({ orderId, refundable: cents }))
    ctx.set('status', 'waiting for approval')
    const answer = await ctx.waitForSignal(approved, { timeout: '3d' })
    if (answer === null) return { refunded: 0, by: null }
    await ctx.step('pay back', () => `R-${checked.orderId}`)
    return { refunded: checked.refundable, by: answer.by }
  },
)

/** One of a customer runs, the others wait for it. */
export const syncCustomer = job(
  { name: 'crm.sync', queue: 'crm' },
  async (_: { customerId: number; reason: string }, { signal }) => {
    await sleep(some(3_000, 9_000), signal)
    return { changed: Math.random() > 0.5 }
  },
)

export const report = job({ name: 'report.daily', queue: 'reports' }, async (_, { signal }) => {
  await sleep(some(200, 900), signal)
  return { rows: Math.round(some(1_000, 9_000)) }
})

export const readSource = job(
  { name: 'import.fetch', queue: 'imports' },
  async ({ source }: { source: string }, { signal }) => {
    await sleep(some(200, 700), signal)
    return { rows: 1_200, source }
  },
)

export const parseSource = job(
  { name: 'import.parse', queue: 'imports', maxAttempts: 1 },
  async ({ source, rows }: { source: string; rows: number }, { signal }) => {
    await sleep(some(300, 1_200), signal)
    if (source.endsWith('.broken'))
      throw new SyntaxError(`row 4127 of ${source} has 11 of 12 columns`)
    return { parsed: rows }
  },
)

export const loadRows = job(
  { name: 'import.load', queue: 'imports' },
  async ({ parsed }: { parsed: readonly { parsed: number }[] }, { signal, progress }) => {
    for (let part = 1; part <= 20; part++) {
      await sleep(300, signal)
      progress(part / 20)
    }
    return { loaded: parsed.reduce((sum, one) => sum + one.parsed, 0) }
  },
)

export const publish = job({ name: 'import.publish', queue: 'imports' }, () => 'published')

export const importFiles = workflow(
  { name: 'import' },
  (flow, { sources }: { sources: readonly string[] }) => {
    const parsed = sources.map((source, at) => {
      const fetched = flow.step(`fetch-${at + 1}`, readSource, { args: { source } })
      return flow.step(`parse-${at + 1}`, parseSource, {
        args: { source, rows: fetched.output.rows },
      })
    })
    const loaded = flow.step('load', loadRows, {
      args: { parsed: parsed.map(({ output }) => output) },
    })
    flow.step('publish', publish, { after: [loaded] })
    flow.step('report', report, { after: [loaded] })
  },
)

export const jobs = [
  ...[sendMail, charge, renderPdf, syncCustomer, report, deliverWebhook, refund],
  ...[readSource, parseSource, loadRows, publish],
]
