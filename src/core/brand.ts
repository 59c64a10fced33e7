/**
 * A process may hold two copies of this package: of two versions, or as a bundle and as a package.
 * `instanceof` asks for the class of one copy, so it is answered by a brand that all copies share.
 */

type AnyClass = abstract new (...args: never[]) => object

/** Makes `instanceof` of a class hold for instances of the class of this name of another copy too. */
export function brandClass(made: AnyClass, name: string): void {
  const brand = Symbol.for(`chancy.class.${name}`)
  const { prototype } = made as { prototype: object }
  // A bundler may have given it another one.
  Object.defineProperty(made, 'name', { value: name, configurable: true })
  Object.defineProperty(prototype, brand, { value: true })
  Object.defineProperty(made, Symbol.hasInstance, {
    value(this: unknown, value: unknown): boolean {
      // A class that a user derives from it inherits this, and is known by itself.
      if (this !== made) return isPrototypeIn(this, value)
      return isPrototypeIn(made, value) || hasBrand(value, brand)
    },
  })
}

function isPrototypeIn(made: unknown, value: unknown): boolean {
  return Function.prototype[Symbol.hasInstance].call(made as AnyClass, value)
}

/** A thrown value may be a proxy that throws at every access. */
function hasBrand(value: unknown, brand: symbol): boolean {
  if (typeof value !== 'object' || value === null) return false
  try {
    return (value as Record<symbol, unknown>)[brand] === true
  } catch {
    return false
  }
}
