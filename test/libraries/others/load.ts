import type { Load } from '../library.ts'

/** Other versions of them. */
export const load: Load = (name) => import(name)
