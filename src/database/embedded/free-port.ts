import { type AddressInfo, createServer } from 'node:net'
import { ConfigError } from '../../core/errors.ts'

/** The wanted port, or else the last one while it is free, or else any free one. */
export async function choosePort(wanted: number | null, last?: number): Promise<number> {
  if (wanted !== null) {
    if ((await tryPort(wanted)) !== null) return wanted
    throw new ConfigError(
      `Port ${wanted} of 127.0.0.1 is taken. Stop what listens there, or leave the port out.`,
    )
  }
  const again = last === undefined ? null : await tryPort(last)
  return again ?? (await tryPort(0))!
}

function tryPort(port: number): Promise<number | null> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(null))
    server.listen(port, '127.0.0.1', () => {
      const { port: free } = server.address() as AddressInfo
      server.close(() => resolve(free))
    })
  })
}
