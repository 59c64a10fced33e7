import type { WireSession } from '../../src/http/wire.ts'
import { call } from './client.ts'

export const getSession = (): Promise<WireSession> => call<WireSession>('session')
