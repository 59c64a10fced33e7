/** What pushMany takes: jobs of different types in one list, each with whole arguments. */
import { type Chancy, job, type Reference } from 'chancy'

const a = job({ name: 'a' }, ({ n }: { n: number }) => n + 1)
const b = job({ name: 'b' }, () => 'text')

export async function check(chancy: Chancy): Promise<void> {
  const same: Reference<number>[] = await chancy.pushMany([a.job.withArgs({ n: 1 })])
  const mixed: Reference<number | string>[] = await chancy.pushMany([
    a.job.withArgs({ n: 1 }),
    b,
    b.job,
  ])
  // @ts-expect-error the arguments of `a` are missing
  await chancy.pushMany([a])
  // @ts-expect-error the arguments of one of them are missing
  await chancy.pushMany([b, a])
  void [same, mixed]
}
