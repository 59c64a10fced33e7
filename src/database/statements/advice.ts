/** SQL that a finding of `doctor` tells an administrator to run. None of it is run by this package. */
import { type Names, quoteLiteral } from '../names.ts'

export const LOCK_WAITS = 'SELECT * FROM pg_locks WHERE NOT granted'
export const RELOAD = 'SELECT pg_reload_conf()'
export const OLDEST_TABLES =
  "SELECT relname, age(relfrozenxid) FROM pg_class WHERE relkind = 'r' ORDER BY 2 DESC LIMIT 10"
export const IDLE_SESSIONS =
  "SELECT pid, application_name FROM pg_stat_activity WHERE state = 'idle in transaction' ORDER BY xact_start"

export const endSession = (pid: number): string => `SELECT pg_terminate_backend(${pid})`

export const dropSlot = (name: string): string =>
  `SELECT pg_drop_replication_slot(${quoteLiteral(name)})`

export const endPrepared = (gid: string): string =>
  `COMMIT PREPARED or ROLLBACK PREPARED ${quoteLiteral(gid)}`

export const resumeQueue = (t: Names, queue: string): string =>
  `SELECT ${t.own('resume')}(${quoteLiteral(queue)})`
