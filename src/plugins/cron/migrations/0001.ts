import { migration } from '../../../database/migrations/migration.ts'
import { dropFunctions, functions } from './functions.ts'
import { tables } from './tables.ts'

/** Schedules, their ticks, and the functions on them. */
export const first = migration(1, {
  up: (t) => [...tables(t), ...functions(t)],
  down: (t) => [
    ...dropFunctions(t),
    `DROP TABLE ${t.own('cron_ticks')}`,
    `DROP TABLE ${t.own('cron_schedules')}`,
  ],
})
