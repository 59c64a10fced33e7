import { type Signal, signal } from '@preact/signals'

/** A choice of the viewer that the browser keeps. Where storage is refused it lasts as long as the page. */
export function stored<T extends string>(key: string, initial: T): Signal<T> {
  const name = `chancy.${key}`
  let known: string | null = null
  try {
    known = localStorage.getItem(name)
  } catch {}
  const value = signal((known ?? initial) as T)
  value.subscribe((now) => {
    try {
      if (now === initial) localStorage.removeItem(name)
      else localStorage.setItem(name, now)
    } catch {}
  })
  return value
}
