import { type TableRow, tableHealth } from '../../database/statements/diagnosis-tables.ts'
import { type Check, type Finding, ok, warning } from './check.ts'
import { bytesOf, counted, listed } from './phrase.ts'

/** Fewer dead rows are what a busy queue makes between two vacuums. */
const MANY_DEAD = 1_000_000
/**
 * A row is at most two kilobytes wide in the table itself, with the place beside it about four. More for each row than
 * this, in bytes, is free space, from a size on that slows down what reads the whole table.
 */
const [WIDE_ROW, LARGE] = [16_384, 256 * 2 ** 20]
/** The days of the history are written once and dropped whole. */
const DAY = /^finished_jobs_\d{8}$/

export const deadRows: Check = {
  id: 'dead-rows',
  title: 'dead rows and bloat',
  needsSchema: true,
  run: async ({ read }) => judgeDeadRows(await read(tableHealth, [])),
}

export function judgeDeadRows(all: readonly TableRow[]): Finding {
  const tables = all.filter(({ name }) => !DAY.test(name))
  const dead = tables.filter((one) => one.dead >= MANY_DEAD && one.dead > one.live)
  if (dead.length > 0) {
    const said = dead.map(
      (one) => `${one.name} (${counted(one.dead, 'dead row')} beside ${counted(one.live, 'row')})`,
    )
    return warning(
      `Scans read over dead rows of ${listed(said)}.`,
      `See the findings on the horizon and on autovacuum; then ${listed(dead.map(({ full_name }) => `VACUUM ${full_name}`))}.`,
    )
  }
  const wide = tables.filter((one) => isBloated(one.heap_bytes, one.live))
  const wideIndexes = tables.filter((one) => isBloated(one.index_bytes, one.live))
  if (wide.length + wideIndexes.length > 0) {
    const said = [
      ...wide.map(
        (one) => `${one.name} (${bytesOf(one.heap_bytes)} for ${counted(one.live, 'row')})`,
      ),
      ...wideIndexes.map(
        (one) =>
          `the indexes of ${one.name} (${bytesOf(one.index_bytes)} for ${counted(one.live, 'row')})`,
      ),
    ]
    const todo = [
      ...wide.map(({ full_name }) => `VACUUM FULL ${full_name} while no worker runs`),
      ...wideIndexes.map(({ full_name }) => `REINDEX TABLE CONCURRENTLY ${full_name}`),
    ]
    return warning(`Mostly free space: ${listed(said)}.`, `${listed(todo)}.`)
  }
  const most = Math.max(0, ...tables.map((one) => one.dead))
  return ok(`No table has more than ${counted(most, 'dead row')}.`)
}

function isBloated(bytes: number, rows: number): boolean {
  return bytes >= LARGE && bytes > rows * WIDE_ROW
}
