import pg from 'pg'

interface Connection {
  sendCopyFromChunk(chunk: Buffer): void
  on(event: 'replicationStart' | 'copyData', listener: () => void): void
  once(event: 'replicationStart', listener: () => void): void
}

export interface Standby {
  /** Ends its connection. */
  end(): void
}

/**
 * A standby as the server sees one: a connection that streams its log and says, as hot_standby_feedback does, which
 * transaction is the oldest that its queries may see.
 */
export async function feedBack(
  url: string,
  { name, xmin }: { readonly name: string; readonly xmin: number },
): Promise<Standby> {
  const options = { connectionString: url, application_name: name, replication: 'true' }
  const client = new pg.Client(options as pg.ClientConfig)
  client.on('error', () => {})
  await client.connect()
  const { connection } = client as unknown as { readonly connection: Connection }
  const { rows } = await client.query('IDENTIFY_SYSTEM')
  const started = new Promise<void>((resolve) => connection.once('replicationStart', resolve))
  // It streams until the connection ends.
  void client.query(`START_REPLICATION ${rows[0].xlogpos}`).catch(() => {})
  await started
  connection.sendCopyFromChunk(feedbackOf(xmin))
  return { end: () => void client.end().catch(() => {}) }
}

/** The message `h` of the replication protocol: time, oldest transaction, its epoch, and none of the catalogue. */
function feedbackOf(xmin: number): Buffer {
  const message = Buffer.alloc(25)
  message.write('h')
  message.writeBigInt64BE(0n, 1)
  message.writeUInt32BE(xmin, 9)
  return message
}
