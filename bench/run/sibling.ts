import { extname } from 'node:path'

/**
 * A module of the bench by its path beside this one. What is measured runs as JavaScript, compiled
 * before: a loader of TypeScript would stand in the memory of each worker.
 */
export const sibling = (path: string): URL =>
  new URL(`${path}${extname(import.meta.url)}`, import.meta.url)

/** The compiled process of a measurement; `scripts/bench.mjs` makes it. */
export const compiledChild = new URL('../.built/run/child.js', import.meta.url)
