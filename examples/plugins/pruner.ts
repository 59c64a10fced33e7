// Rules as data, finished jobs that are counted and removed by them, and by the plugin on its own.
import { Chancy, job, parseRule, rule, Worker } from 'chancy'
import { embeddedPostgres } from 'chancy/embedded-postgres'
import { prune, pruner } from 'chancy/plugins/pruner'

const tick = job({ name: 'tick' }, () => {})
const invoice = job({ name: 'invoice' }, ({ tenant }: { tenant: string }) => `for ${tenant}`)

await using chancy = new Chancy(process.env.DATABASE_URL ?? embeddedPostgres(), {
  jobs: [tick, invoice],
  plugins: [pruner({ rules: [rule.name.in(['tick', 'ping']).and(rule.age.gt('1h'))] })],
})
await chancy.migrate()
const pruned = new Promise<number>((resolve) =>
  chancy.on('pruner.pruned', ({ removed }) => resolve(removed)),
)
await using worker = new Worker(chancy)
await worker.start()
console.log('removed by the first pass:', await pruned)
await chancy.waitForJobs([
  await chancy.push(tick),
  await chancy.push(invoice.job.withArgs({ tenant: 'acme' }).withMeta({ tenant: 'acme' })),
])
// A rule is data: it can be kept, sent, and typed into the command line.
const ofTenant = rule.meta('tenant').eq('acme').and(rule.state.ne('failed'))
const text = JSON.stringify(ofTenant)
console.log(text)

// Nothing is removed that has ended within the last ten minutes.
console.log(await prune(chancy, parseRule(text), { dryRun: true }))
console.log(await prune(chancy, rule.name.eq('tick')))
