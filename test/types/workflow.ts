// What must compile of workflows and what must not. Checked by `tsc -p .`; nothing here is run.

import {
  chain,
  defineJob,
  type Flow,
  Job,
  job,
  type Output,
  type Placeholder,
  type Step,
  type Workflow,
  workflow,
} from 'chancy'

type Same<X, Y> = (<T>() => T extends X ? 1 : 2) extends <T>() => T extends Y ? 1 : 2 ? true : false
declare function same<X, Y>(..._same: Same<X, Y> extends true ? [] : ['they differ']): void
declare function gives<O>(workflow: Workflow<O>): O

interface Charge {
  id: string
  email: string
  note?: string
  wantsMail: boolean
  items: { sku: string; n: number }[]
  address: { city: string } | null
}
const charge = job({ name: 'charge' }, async (_: { orderId: string }): Promise<Charge> => {
  throw new Error('not run')
})
const pack = job(
  { name: 'pack' },
  ({ sku, count }: { sku: string; count: number }) => `${count} ${sku}`,
)
const mail = job({ name: 'mail' }, (_: { to: string; parcels?: readonly string[] }) => {})
const refund = job({ name: 'refund' }, (_: { charge: string | null }) => ({ refunded: true }))
const nightly = job({ name: 'nightly' }, () => 7)
const dated = job({ name: 'dated' }, (_: { at: string }) => new Date())
const index = defineJob<{ urls: string[]; depth?: number }, { pages: number }>({ name: 'index' })

export const order = workflow(
  { name: 'order', deadline: '2h' },
  (flow, { orderId }: { orderId: string }) => {
    const paid = flow.step('pay', charge, { args: { orderId } })
    same<typeof paid, Step<Charge>>()
    const packed = flow.map('pack', paid.output.items, pack, {
      args: (item) => ({ sku: item.sku, count: item.n }),
      concurrency: 5,
    })
    same<typeof packed, Step<string[]>>()
    flow.step('mail', mail, {
      args: { to: paid.output.email, parcels: packed.output },
      runIf: paid.output.wantsMail,
    })
    flow.step('refund', refund, {
      args: { charge: paid.outputOrNull.id },
      after: [packed],
      runWhen: 'any-failed',
    })
    return { charge: paid.output.id, parcels: packed.output }
  },
)
same<Parameters<typeof order>, [args: { orderId: string }]>()
same<ReturnType<typeof order>, Workflow<{ charge: string; parcels: string[] }>>()
// @ts-expect-error its arguments are missing
order()
// @ts-expect-error a wrong argument
order({ orderId: 7 })

export const steps = workflow({ name: 'steps' }, (flow) => {
  const paid = flow.step('pay', charge, { args: { orderId: '7' } })
  // Whole arguments need no option, and may be varied before.
  flow.step('nightly', nightly)
  flow.step('nightly-job', nightly.job.withQueue('slow'))
  flow.step('with-args', mail.job.withArgs({ to: 'ada' }), { after: [paid] })
  // @ts-expect-error the arguments are missing
  flow.step('no-args', mail)
  // @ts-expect-error one argument is missing
  flow.step('half', pack, { args: { sku: 'a' } })
  // @ts-expect-error an argument that does not exist
  flow.step('more', mail, { args: { to: 'ada', cc: 'bob' } })
  // @ts-expect-error a number for a text
  flow.step('number', mail, { args: { to: 7 } })
  // @ts-expect-error an output that does not exist
  flow.step('unknown', mail, { args: { to: paid.output.phone } })
  // @ts-expect-error an output of another type
  flow.step('boolean', mail, { args: { to: paid.output.wantsMail } })
  // @ts-expect-error an output that may be left out
  flow.step('optional', mail, { args: { to: paid.output.note } })
  // @ts-expect-error a part of what may be null
  flow.step('null', mail, { args: { to: paid.output.address.city } })
  flow.step('null-is-fine', refund, { args: { charge: paid.output.address.city } })
  // @ts-expect-error what may be missing is null, and a text is asked for
  flow.step('missing', mail, { args: { to: paid.outputOrNull.email } })
  // @ts-expect-error a plain object is no placeholder
  flow.step('plain', nightly, { runIf: { id: 'a' } })
  // @ts-expect-error a condition that does not exist
  flow.step('when', nightly, { runWhen: 'all-failed' })
  // @ts-expect-error a step has no unique key
  flow.step('key', nightly, { uniqueKey: 'a' })
  // @ts-expect-error a duration without a unit
  flow.step('delay', nightly, { delay: '7 days' })
  // @ts-expect-error a name is no step
  flow.step('name', nightly, { after: ['pay'] })
  flow.step('outputs', nightly, { after: [paid.output.id, paid] })
  flow.step('item', mail, { args: { to: paid.output.items[0]!.sku } })
  flow.step('whole', mail, { args: paid.output as unknown as Placeholder<{ to: string }> })
  flow.step('defined', index, { args: { urls: ['a', paid.output.id], depth: 2 } })
  flow.step('date', dated, { args: { at: new Date() } })
  const at: Output<string> = flow.step('date-2', dated, { args: { at: '2026' } }).output
  flow.step('date-3', dated, { args: { at } })
  flow.step('named', Job.named('unknown', { args: { any: 1 } }))
  // @ts-expect-error a placeholder has no value to compare
  if (paid.output.id === 'a') return 1
  // @ts-expect-error nor one to count with
  void (paid.output.items[0]!.n + 1)
  return 2
})
same<Parameters<typeof steps>['length'], 0 | 1>()
same<ReturnType<typeof steps>, Workflow<1 | 2>>()
steps()

export const maps = workflow({ name: 'maps' }, (flow) => {
  const paid = flow.step('pay', charge, { args: { orderId: '7' } })
  // @ts-expect-error a text is no list
  flow.map('text', paid.output.email, mail, { args: () => ({ to: 'ada' }) })
  // @ts-expect-error an array that is known is no output
  flow.map('known', ['a'], mail, { args: () => ({ to: 'ada' }) })
  // @ts-expect-error the arguments are missing
  flow.map('args', paid.output.items, mail, {})
  // @ts-expect-error a field that items do not have
  flow.map('field', paid.output.items, mail, { args: (item) => ({ to: item.name }) })
  // @ts-expect-error the index is a number
  flow.map('index', paid.output.items, mail, { args: (_item, at) => ({ to: at }) })
  return flow.map('count', paid.output.items, pack, {
    args: (item, at) => ({ sku: item.sku, count: at }),
  }).output
})
same<ReturnType<typeof maps>, Workflow<string[]>>()

export const outer = workflow({ name: 'outer' }, (flow, { id }: { id: string }) => {
  const included = flow.include('order', order({ orderId: id }))
  same<typeof included, Step<{ charge: string; parcels: string[] }>>()
  flow.step('mail', mail, { args: { to: included.output.charge } })
  // @ts-expect-error the function makes a workflow and is none
  flow.include('function', order)
  // @ts-expect-error an included workflow has no arguments of a step
  flow.include('args', order({ orderId: id }), { args: {} })
  reusable(flow, included.output.charge)
})
same<ReturnType<typeof outer>, Workflow<null>>()

function reusable(flow: Flow, to: Output<string>): Step<null> {
  return flow.step('reused', mail, { args: { to } })
}

export const etl = chain('etl', [nightly, index.job.withArgs({ urls: [] })])
same<typeof etl, Workflow<{ pages: number }>>()
same<ReturnType<typeof gives<{ pages: number }>>, { pages: number }>()
// @ts-expect-error the arguments of the second are missing
chain('etl', [nightly, mail])
// @ts-expect-error an option that does not exist
chain({ name: 'etl', uniqueKey: 'a' }, [nightly])

export function variants(): void {
  const one = order({ orderId: '7' })
  same<Workflow<{ charge: string; parcels: string[] }>, ReturnType<(typeof one)['withUniqueKey']>>()
  one.withUniqueKey('a', { once: true }).withPriority(1).withDeadline('1h').withMeta({ a: 1 })
  // @ts-expect-error a duration without a unit
  one.withDeadline('an hour')
  // @ts-expect-error an option that does not exist
  workflow({ name: 'a', uniqueKey: 'b' }, () => {})
}
