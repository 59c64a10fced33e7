import { useEffect, useState } from 'preact/hooks'

/** Which jobs of the page are selected, or that all are that fit the filter. */
export interface Selection {
  readonly ids: ReadonlySet<string>
  readonly isEverything: boolean
  readonly isWholePage: boolean
  has(id: string): boolean
  toggle(id: string, isRange: boolean): void
  togglePage(): void
  chooseEverything(): void
  clear(): void
}

export function useSelection(page: readonly string[], filter: string): Selection {
  const [ids, setIds] = useState<ReadonlySet<string>>(new Set())
  const [isEverything, setEverything] = useState(false)
  const [last, setLast] = useState<string | null>(null)
  useEffect(() => {
    setIds(new Set())
    setEverything(false)
  }, [filter])
  const isWholePage = page.length > 0 && page.every((id) => ids.has(id))
  return {
    ids,
    isEverything,
    isWholePage: isEverything || isWholePage,
    has: (id) => isEverything || ids.has(id),
    toggle(id, isRange) {
      const next = new Set(isEverything ? page : ids)
      const [from, to] = [page.indexOf(last ?? id), page.indexOf(id)]
      if (isRange && from >= 0)
        for (const one of page.slice(Math.min(from, to), Math.max(from, to) + 1)) next.add(one)
      else if (!next.delete(id)) next.add(id)
      setLast(id)
      setIds(next)
      setEverything(false)
    },
    togglePage() {
      setIds(new Set(isWholePage || isEverything ? [] : page))
      setEverything(false)
    },
    chooseEverything() {
      setIds(new Set(page))
      setEverything(true)
    },
    clear() {
      setIds(new Set())
      setEverything(false)
    },
  }
}
