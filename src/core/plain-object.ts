/** An object literal or `Object.create(null)`, also of another realm; no class instance, no array. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) return true
  return Object.getPrototypeOf(prototype) === null && !Array.isArray(value)
}

/**
 * True for a property that can change a prototype when it is merged into another object:
 * `__proto__`, and `constructor` with a `prototype` inside. `{ constructor: 'Ferrari' }` is data.
 */
export function isPolluting(key: string, value: unknown): boolean {
  if (key === '__proto__') return true
  return (
    key === 'constructor' &&
    typeof value === 'object' &&
    value !== null &&
    Object.hasOwn(value, 'prototype')
  )
}
