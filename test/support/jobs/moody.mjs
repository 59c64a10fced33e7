// In a child it loads only while a file is not there; in the worker always.
import { existsSync } from 'node:fs'
import { job } from 'chancy'

export const ok = job({ name: 'ok' }, ({ value = null }) => value)

const file = new URL(import.meta.url).searchParams.get('unless')
const isChild = Symbol.for('chancy.child') in globalThis
if (isChild && file !== null && existsSync(file)) throw new Error('not just now')
