import { job } from 'chancy'

/** What children run: they load this module. */
export const empty = job({ name: 'empty' }, (_args: { at?: number; group?: number }) => {})
