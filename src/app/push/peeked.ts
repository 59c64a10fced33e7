/**
 * The first element of an array or another synchronous iterable, and a list of all: what is iterated only once is read
 * ahead by one. Undefined when there is none, or when the list is of another kind.
 */
export function peeked<L>(list: L): { readonly first: unknown; readonly all: L } {
  if (Array.isArray(list)) return { first: list[0], all: list }
  if (typeof list !== 'object' || list === null || !(Symbol.iterator in list)) {
    return { first: undefined, all: list }
  }
  const iterator = (list as unknown as Iterable<unknown>)[Symbol.iterator]()
  const first = iterator.next()
  let isRead = false
  const all: Iterable<unknown> = {
    [Symbol.iterator]: () => ({
      next: () => {
        if (isRead) return iterator.next()
        isRead = true
        return first
      },
      return: (value) => iterator.return?.(value) ?? { done: true, value },
    }),
  }
  return { first: first.value, all: all as L }
}
