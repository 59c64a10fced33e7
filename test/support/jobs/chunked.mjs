// Jobs that run together, under every executor: each gets what its call got.
import { once } from 'node:events'
import { DiscardJob, job, Limit } from 'chancy'

const chunk = { size: 5, wait: '300ms', by: 'tenant' }

/** Fails where an argument says so; its result says what the call got. */
export const index = job({ name: 'index', chunk, backoff: 'none' }, (items, context) => {
  if (items.some(({ args }) => args.how === 'throw')) throw new Error('all of it')
  for (const item of items) {
    if (item.args.how === 'fail') item.fail(new TypeError(`not ${item.args.n}`))
    if (item.args.how === 'discard') item.fail(new DiscardJob('not wanted'))
  }
  if (items.some(({ args }) => args.how === 'short')) return []
  return items.map(({ args, id, attempt, fence }) => {
    if (args.how === 'function') return () => {}
    const call = items.map((one) => one.args.n)
    return { n: args.n, id, attempt, fence, call, first: context.job.args.n }
  })
})

/** Runs until it is asked to stop. */
export const endless = job(
  { name: 'endless', chunk: { size: 2, wait: '10s' }, limits: [Limit.time('20s')] },
  async (_, { signal }) => {
    if (!signal.aborted) await once(signal, 'abort')
  },
)

export const slow = job(
  { name: 'slow', chunk: { size: 2, wait: '10s' }, limits: [Limit.time('200ms')] },
  async (_, { signal }) => {
    if (!signal.aborted) await once(signal, 'abort')
  },
)

export const dies = job({ name: 'dies', chunk: { size: 2, wait: '10s' } }, () => {
  process.exit(1)
})
