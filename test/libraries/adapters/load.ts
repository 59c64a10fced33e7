import type { Load } from '../library.ts'

/** The versions that run on Node 20. */
export const load: Load = (name) => import(name)
