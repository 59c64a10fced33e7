import { computed, signal } from '@preact/signals'

/** The path of the page below which everything lies, with a slash at its end: the page's `<base>`. */
export const base = new URL(document.baseURI).pathname.replace(/[^/]*$/, '')

const address = signal(new URL(location.href))

/** The path below the base, without slashes around it: `jobs/0198…`. */
export const path = computed(() =>
  address.value.pathname.slice(base.length).replace(/^\/+|\/+$/g, ''),
)

export const query = computed(() => address.value.searchParams)

/** The parts of the path, decoded. A part that is not valid stays as it is written. */
export const segments = computed(() => (path.value === '' ? [] : path.value.split('/').map(decode)))

/** An address below the base, of parts that may hold any character: `to('queues', name)`. */
export function to(...parts: string[]): string {
  return base + parts.map(encodeURIComponent).join('/')
}

/** The same with a query; what is null or empty is left out. */
export function link(parts: string[], params: Readonly<Record<string, string | null>>): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(params)) if (value) search.set(name, value)
  const text = search.toString()
  return to(...parts) + (text === '' ? '' : `?${text}`)
}

/** The list of jobs that fit a filter. */
export const toJobs = (filter: string, order: string | null = null): string =>
  link(['jobs'], { q: filter, order })

/** Shows another page, or the same one with another query. Back returns to this one. */
export function navigate(href: string, options: { readonly replace?: boolean } = {}): void {
  const next = new URL(href, document.baseURI)
  if (next.href === address.value.href) return
  const isSamePage = next.pathname === address.value.pathname
  if (options.replace === true) history.replaceState(null, '', next)
  else history.pushState(null, '', next)
  address.value = next
  if (!isSamePage) scrollTo(0, 0)
}

/** Changes parts of the query and keeps the others. */
export function setQuery(
  change: Readonly<Record<string, string | null>>,
  options: { readonly replace?: boolean } = { replace: true },
): void {
  navigate(hrefWith(change), options)
}

/** The present address with another query. */
export function hrefWith(change: Readonly<Record<string, string | null>>): string {
  const next = new URL(address.value)
  for (const [name, value] of Object.entries(change)) {
    if (value === null || value === '') next.searchParams.delete(name)
    else next.searchParams.set(name, value)
  }
  next.hash = ''
  return next.pathname + next.search
}

/** Follows links and the buttons of the browser. */
export function startRouter(): void {
  addEventListener('popstate', () => {
    address.value = new URL(location.href)
  })
  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0) return
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return
    const anchor = event.composedPath().find((one) => isLink(one)) as Link | undefined
    if (anchor === undefined) return
    const href = anchor.href as string | SVGAnimatedString
    const next = new URL(typeof href === 'string' ? href : href.baseVal, document.baseURI)
    const isOurs = next.origin === location.origin && next.pathname.startsWith(base)
    if (!isOurs || anchor.hasAttribute('download') || anchor.getAttribute('target') === '_blank')
      return
    if (anchor.getAttribute('href')?.startsWith('#') || /\/api\/v1\//.test(next.pathname)) return
    event.preventDefault()
    navigate(next.href)
  })
}

type Link = (HTMLAnchorElement | SVGAElement) & Element

function isLink(target: EventTarget): boolean {
  return target instanceof Element && target.localName === 'a' && target.hasAttribute('href')
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
