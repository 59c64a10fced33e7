/** Of the write-ahead log: 2 GiB of its files, more than is written between two checkpoints of a bench. */
const FILES = 128

/** Settings of a server that keeps those files for reuse. */
export const KEPT_LOG = { min_wal_size: `${FILES * 16}MB`, max_wal_size: '4GB' }

/**
 * Brings a new server to where each is that has run for a while: it reuses the files of its log. A new
 * one fills every 16 MB with zeros first, and every session waits some 50 ms for that, the more often the
 * faster a system is.
 */
export async function fillLog(query: (text: string) => Promise<unknown>): Promise<void> {
  for (let n = 0; n < FILES; n++) {
    await query(`SELECT pg_logical_emit_message(true, 'bench', '')`)
    await query('SELECT pg_switch_wal()')
  }
  await query('CHECKPOINT')
}
