import { type Chancy, job } from 'chancy'
import { addTrigger, type StatementTriggerArgs, type TriggerArgs } from 'chancy/plugins/triggers'

/** The types of triggers, for the compiler alone. */
interface Order {
  readonly id: number
  readonly total: number
}
const onOrder = job({ name: 'on-order' }, ({ row, key }: TriggerArgs<Order>) => [row?.total, key])
const onBulk = job({ name: 'on-bulk' }, ({ rows }: StatementTriggerArgs) => rows)
const plain = job({ name: 'plain' }, () => {})

export async function triggersOf(chancy: Chancy): Promise<void> {
  const rest = { table: 'public.orders', on: ['insert', 'update'] } as const
  await addTrigger(chancy, {
    ...rest,
    key: 'a',
    each: 'row',
    payload: ['id', 'total'],
    job: onOrder,
  })
  await addTrigger(chancy, {
    ...rest,
    key: 'b',
    each: 'statement',
    job: onBulk.job.withPriority(1),
  })
  await addTrigger(chancy, { ...rest, key: 'c', each: 'row', job: plain })
  // @ts-expect-error: TRUNCATE makes no jobs
  await addTrigger(chancy, { ...rest, key: 'd', on: ['truncate'], each: 'row', job: plain })
  // @ts-expect-error: a function is no job
  await addTrigger(chancy, { ...rest, key: 'e', each: 'row', job: () => {} })
  chancy.on('triggers.added', ({ key, table }) => key.length + table.length)
  // @ts-expect-error: there is no table in it
  chancy.on('triggers.removed', ({ table }) => table)
}
