import type { PluginRights } from '../../plugin/parts/plugin-rights.ts'

const TABLES = ['triggers_defined']

/**
 * A producer adds triggers as it pushes: any job. An operator pauses, resumes and removes what there is. A role that
 * only changes rows of a table that has a trigger needs nothing here.
 */
export const rights: PluginRights = {
  worker: { tables: [{ privileges: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'], on: TABLES }] },
  producer: {
    tables: [{ privileges: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'], on: TABLES }],
    functions: ['triggers_add_1', 'triggers_remove_1', 'triggers_fire_1'],
  },
  operator: {
    tables: [{ privileges: ['SELECT', 'UPDATE', 'DELETE'], on: TABLES }],
    functions: ['triggers_remove_1'],
  },
  reader: { tables: [{ privileges: ['SELECT'], on: TABLES }] },
}
