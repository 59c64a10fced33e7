// What of the contract of plugins must compile and what must not. Checked by `tsc -p .`; nothing is run.

import { Chancy, ChancyError } from 'chancy'
import { definePlugin, type MakeAround, migration, pluginAccess, statement } from 'chancy/plugin'

declare module 'chancy' {
  interface EventMap {
    'acme.types.written': { readonly id: string }
  }
  interface ErrorCodes {
    ACME_TYPES_FULL: string
  }
}

declare function same<X, Y>(
  ..._same: (<T>() => T extends X ? 1 : 2) extends <T>() => T extends Y ? 1 : 2 ? [] : ['differ']
): void

export function plugins(): void {
  const made = definePlugin({
    name: 'acme.types',
    needs: ['chancy.leadership'],
    events: ['acme.types.written'],
    migrations: [migration(1, { up: (t) => [t.own('acme_types_all')], down: () => [] })],
    onPush: (job) => ({ ...job, meta: { ...job.meta, 'acme.types': job.name } }),
    beforeAttempt: async (job) => ({ ...job, args: {} }),
    afterAttempt: (update, outcome) =>
      outcome.kind === 'threw' ? { ...update, state: 'failed' } : update,
    onSaved: (saved, context) => {
      for (const { id, error, job } of saved) {
        same<typeof error, import('chancy').AttemptFailure | null>()
        context.emit('acme.types.written', { id: `${id}${job.name}` })
      }
    },
    around: { module: new URL('file:///around.js'), options: { a: 1 } },
    loops: [{ name: 'round', on: 'leader', pass: async ({ isLeader }) => (isLeader ? '5s' : 10) }],
    routes: [{ method: 'GET', path: '/', may: 'view', handle: (_, { params }) => params.id }],
    commands: [{ name: 'types list', summary: 'all', run: (access) => access.log.info({}) }],
    cleanup: async (_, limit) => limit - 1,
    /** A function of its own. */
    once: () => true,
  })
  same<typeof made.name, 'acme.types'>()
  made.once()

  // @ts-expect-error the name is missing
  definePlugin({ needs: [] })
  // @ts-expect-error there is no such hook
  definePlugin({ name: 'acme.types', onSave: () => {} })
  // @ts-expect-error there is no such hook
  definePlugin({ name: 'acme.types', beforeJob: () => {} })
  // @ts-expect-error an unknown event
  definePlugin({ name: 'acme.types', events: ['acme.types.read'] })
  // @ts-expect-error migrations are a list
  definePlugin({ name: 'acme.types', migrations: 7 })
  // @ts-expect-error onPush is synchronous
  definePlugin({ name: 'acme.types', onPush: async (job) => job })
  // @ts-expect-error a state that no attempt leads to
  definePlugin({ name: 'acme.types', afterAttempt: (one) => ({ ...one, state: 'running' }) })
  // @ts-expect-error a loop runs in the leader or in every worker
  definePlugin({ name: 'acme.types', loops: [{ name: 'x', on: 'client', pass: async () => 1 }] })
  // @ts-expect-error a pass says when the next one is
  definePlugin({ name: 'acme.types', loops: [{ name: 'x', on: 'leader', pass: async () => {} }] })
}

export async function access(): Promise<void> {
  const chancy = new Chancy('postgresql://localhost')
  const { database, emit, run } = pluginAccess(chancy, 'acme.types')
  const all = statement<readonly [limit: number], { n: number }>('all', (t) => t.allJobs)
  same<Awaited<ReturnType<typeof query>>, { n: number }[]>()
  const query = () => run(() => database.run(all, [1]))
  // @ts-expect-error a value of another type
  database.run(all, ['1'])
  emit('acme.types.written', { id: '1' })
  // @ts-expect-error another payload
  emit('acme.types.written', { id: 1 })
  // @ts-expect-error no such event
  emit('acme.types.read', {})
  chancy.on('acme.types.written', ({ id }) => id.length)
  chancy.on('leadership.gained', ({ workerId }) => workerId.length)
  // @ts-expect-error it has no such field
  chancy.on('acme.types.written', ({ name }) => name)
  // @ts-expect-error something else than a Chancy
  pluginAccess({}, 'acme.types')
  throw new ChancyError('ACME_TYPES_FULL', 'The table is full.')
}

export const codes = (): unknown =>
  // @ts-expect-error a code that was not declared
  new ChancyError('ACME_TYPES_EMPTY', 'no')

const around: MakeAround<{ readonly label: string }> = (options) => async (context, run) => {
  context.log.info({ label: options.label }, 'begins')
  return run()
}
export default around
