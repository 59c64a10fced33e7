// A plugin that keeps failed attempts in a table of its own.
import type { Chancy } from 'chancy'
import { definePlugin, migration, type PluginAccess, pluginAccess, statement } from 'chancy/plugin'

declare module 'chancy' {
  interface EventMap {
    /** Failed attempts were written down. */
    'acme.audit.written': { readonly entries: number }
  }
}

export interface Entry {
  readonly at: string
  readonly job: string
  readonly error: string
}

const add = statement<readonly [entries: string], never>(
  'audit_add',
  (t) => `
    INSERT INTO ${t.own('acme_audit_entries')} (job, error)
    SELECT e.job, e.error FROM jsonb_to_recordset($1::text::jsonb) AS e(job text, error text)`,
)
const list = statement<readonly [limit: number], Entry>(
  'audit_list',
  (t) => `
    SELECT at::text AS at, job, error
      FROM ${t.own('acme_audit_entries')} ORDER BY at DESC LIMIT $1::int`,
)

const newest = ({ database, run }: PluginAccess, limit: number): Promise<Entry[]> =>
  run(() => database.run(list, [limit]))

/** The newest entries: for the application, with or without a worker. */
export const entries = (chancy: Chancy, limit = 20): Promise<Entry[]> =>
  newest(pluginAccess(chancy, 'acme.audit'), limit)

export const audit = () =>
  definePlugin({
    name: 'acme.audit',
    events: ['acme.audit.written'],
    migrations: [
      migration(1, {
        up: (t) => [
          `CREATE TABLE ${t.own('acme_audit_entries')} (
             job text NOT NULL, error text NOT NULL, at timestamptz NOT NULL DEFAULT now())`,
        ],
        down: (t) => [`DROP TABLE ${t.own('acme_audit_entries')}`],
      }),
    ],
    onSaved: async (saved, { database, emit }) => {
      const failed = saved.flatMap(({ name, error }) =>
        error === null ? [] : [{ job: name, error: error.message }],
      )
      if (failed.length === 0) return
      await database.run(add, [JSON.stringify(failed)])
      emit('acme.audit.written', { entries: failed.length })
    },
    loops: [
      {
        name: 'report',
        on: 'leader',
        pass: async (context) => {
          const [last] = await newest(context, 1)
          if (last !== undefined) context.log.info({ ...last }, 'the last failed attempt')
          return '1h'
        },
      },
    ],
    routes: [{ method: 'GET', path: '/entries', may: 'view', handle: (it) => newest(it, 100) }],
    commands: [
      {
        name: 'attempts failed',
        summary: 'list the newest failed attempts',
        options: { limit: { type: 'number', summary: 'how many', default: 20 } },
        run: (access, { limit }) => newest(access, Number(limit)),
      },
    ],
  })
