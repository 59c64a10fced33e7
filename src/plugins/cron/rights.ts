import type { PluginRights } from '../../plugin/parts/plugin-rights.ts'

const TABLES = ['cron_schedules', 'cron_ticks']

/**
 * A producer schedules as it pushes: any job. An operator pauses, resumes, runs and removes what there is, and makes
 * no schedule: with the right to write a job it could push anything.
 */
export const rights: PluginRights = {
  worker: { tables: [{ privileges: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'], on: TABLES }] },
  producer: {
    tables: [
      { privileges: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'], on: ['cron_schedules'] },
      { privileges: ['SELECT'], on: ['cron_ticks'] },
    ],
    functions: ['cron_run_1', 'cron_set_state_1'],
  },
  operator: {
    tables: [
      { privileges: ['SELECT', 'DELETE'], on: ['cron_schedules'] },
      { privileges: ['SELECT'], on: ['cron_ticks'] },
    ],
    functions: ['cron_run_1', 'cron_set_state_1'],
  },
  reader: { tables: [{ privileges: ['SELECT'], on: TABLES }] },
}
