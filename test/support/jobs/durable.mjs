// Durable jobs for the suite of the executors. What they do outside is noted in the file of their arguments.
import { appendFileSync } from 'node:fs'
import { DiscardJob, job, signal } from 'chancy'

const approved = signal('approved')
const note = (file, text) => appendFileSync(file, `${text}\n`)

/** One of each kind of call, in an order that two branches share. */
export const order = job({ name: 'order', durable: true }, async ({ file, isLive }, ctx) => {
  note(file, 'begun')
  let came = () => {}
  const signalCame = new Promise((resolve) => {
    came = resolve
  })
  const charge = await ctx.step('charge', ({ attempt, key }) => {
    note(file, 'charge')
    return { at: new Date(0), attempt, key: key.length }
  })
  ctx.set('status', 'waiting')
  const [answer] = await Promise.all([
    ctx.waitForSignal(approved).then((value) => {
      came()
      return value
    }),
    ctx.step('beside', () => {
      note(file, 'beside')
      return isLive ? signalCame : undefined
    }),
  ])
  await ctx.sleep('1d')
  const failed = await ctx
    .step('fails', () => {
      note(file, 'fails')
      throw new TypeError('no')
    })
    .catch((error) => [error.step, error.cause.name])
  return { charge, answer, failed, random: [ctx.random(), ctx.random()].map((one) => one < 1) }
})

export const continues = job({ name: 'continues', durable: true }, async ({ n = 0 }, ctx) => {
  await ctx.step('a', () => n)
  return n === 2 ? 'ended' : ctx.continueWith({ n: n + 1 })
})

/** Runs a step that says so and ends as it is asked to. */
export const endings = job({ name: 'endings', durable: true }, async ({ how }, ctx) => {
  await ctx.step('before', () => 1)
  await ctx.step('ends', async ({ signal: asked }) => {
    ctx.progress(process.pid)
    if (how === 'discard') throw new DiscardJob('enough')
    if (how === 'unstorable') return 1n
    if (how === 'none') return null
    if (how === 'throw') throw new Error('no')
    if (how === 'exit') process.exit(3)
    if (how === 'nested') await ctx.step('inner', () => 1)
    // Until it is asked to stop.
    await new Promise((resolve) => {
      asked.addEventListener('abort', resolve)
    })
    return 'stopped'
  })
  await ctx.step('after', () => 1)
})

/** Saves a step and spins while the answer is on its way, so that nothing else of it runs. */
export const waits = job({ name: 'waits', durable: true }, async (_, ctx) => {
  await ctx.step('one', () => 1)
  await ctx.step('two', () => 2)
  return 'ended'
})

export const many = job({ name: 'many', durable: true }, async ({ steps }, ctx) => {
  for (let at = 0; at < steps; at++) await ctx.step(`s${at}`, () => at)
  return steps
})
