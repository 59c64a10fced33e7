import { ConfigError } from '../../core/errors.ts'

/** The protocol object of a client of `pg`, as far as it says how the server authenticates. */
interface Connection {
  on(event: string, listener: (message: { readonly mechanisms?: readonly string[] }) => void): void
  emit(event: 'error', error: Error): unknown
  removeAllListeners(event: string): unknown
  readonly stream: { destroy(): unknown }
}

const BOUND = 'SCRAM-SHA-256-PLUS'

/**
 * Ends a connection whose server does not prove that it is the one at the other end of the TLS
 * session: before the password, or a proof of it, is sent. `pg` itself binds only where it is offered.
 */
export function requireChannelBinding(client: object): void {
  const { connection } = client as { readonly connection: Connection }
  let isProven = false
  const refuse = (found: string): void => {
    const error = new ConfigError(
      `The DSN has channel_binding=require, and the server ${found}. Use a server that authenticates ` +
        `with SCRAM over its own TLS, without a proxy that ends TLS before it, or leave the parameter out`,
    )
    // What follows in the same packet would make it a connection that has been made.
    connection.removeAllListeners('readyForQuery')
    connection.emit('error', error)
    connection.stream.destroy()
  }
  connection.on('authenticationSASL', ({ mechanisms = [] }) => {
    if (!mechanisms.includes(BOUND)) refuse('does not offer channel binding')
  })
  connection.on('authenticationCleartextPassword', () => refuse('asks for the password itself'))
  connection.on('authenticationMD5Password', () => refuse('asks for an MD5 of the password'))
  connection.on('authenticationSASLFinal', () => {
    isProven = true
  })
  connection.on('authenticationOk', () => {
    if (!isProven) refuse('asks for no proof of the password')
  })
}
