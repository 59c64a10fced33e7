// An order that waits for the approval of a person, run to its end without a database.
import { job, signal } from 'chancy'
import { runDurable } from 'chancy/testing'

const approved = signal<{ by: string }, 'approved'>('approved')
const rejected = signal<{ why: string }, 'rejected'>('rejected')

const refund = job({ name: 'refund' }, ({ charge }: { charge: string }) => `refunded ${charge}`)
const pack = job({ name: 'pack' }, ({ sku }: { sku: string }) => `a parcel with ${sku}`)

const order = job(
  { name: 'order', durable: true, maxAttempts: 5, deadline: '30d' },
  async ({ orderId }: { orderId: string }, ctx) => {
    const charge = await ctx.step('charge', () => ({
      id: `charge-${orderId}`,
      skus: ['tea', 'mug'],
    }))
    ctx.set('decide', { charge: charge.id, items: charge.skus.length })
    const answer = await ctx.waitForAny([approved, rejected], { timeout: '3d' })
    if (answer?.signal !== 'approved') {
      const why = answer === null ? 'no answer in three days' : answer.value.why
      return `${await ctx.invoke(refund.job.withArgs({ charge: charge.id }))}: ${why}`
    }
    const jobs = charge.skus.map((sku) => pack.job.withArgs({ sku }))
    const parcels = await ctx.invokeAll('pack', jobs, { concurrency: 20 })
    await ctx.sleep('14d')
    await ctx.step('ask for a review', { maxAttempts: 3 }, () => `to ${answer.value.by}`)
    return parcels.join(', ')
  },
)

const options = { skipTime: true, jobs: [pack, refund] }
const yes = await runDurable(
  order,
  { orderId: '7' },
  { ...options, signals: [[approved, { by: 'ada' }]] },
)
console.log(yes.values, yes.result)
const no = await runDurable(
  order,
  { orderId: '8' },
  { ...options, signals: [[rejected, { why: 'too many mugs' }]] },
)
console.log(no.result)
const late = await runDurable(order, { orderId: '9' }, options)
console.log(late.result)
