// A module that takes most of a small memory limit when it is loaded.
import { job } from 'chancy'

const isLimited = process.execArgv.some((option) => option.includes('old-space'))
globalThis.kept = Buffer.alloc(isLimited ? 40 * 1_024 ** 2 : 0, 1)
export const ok = job({ name: 'ok' }, ({ value = null }) => value)
