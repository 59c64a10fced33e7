import { useEffect } from 'preact/hooks'
import { DialogHost, openDialog } from './components/dialog.tsx'
import { Icon } from './components/icon.tsx'
import { KeyHelp } from './components/key-help.tsx'
import { LiveState } from './components/live-state.tsx'
import { Menu } from './components/menu.tsx'
import { MoreSheet } from './components/more-sheet.tsx'
import { Toasts } from './components/toast.tsx'
import { PAGES, type PageEntry } from './page-list.ts'
import { PageView } from './pages/page-view.tsx'
import { segments, to } from './router.ts'
import { may, pageProblem, session } from './session.ts'
import { theme } from './theme.ts'
import { clockText, now, otherZone, switchZone, zone } from './time.ts'

/** Header, navigation and the page; or the state of the whole page. */
export function Shell() {
  const current = segments.value[0] ?? ''
  const entry = PAGES.find(({ part }) => part === current)
  useEffect(() => {
    document.title = [...segments.value.slice(1), entry?.title ?? 'Not found', 'Chancy'].join(' · ')
  }, [segments.value.join('/')])
  const isWhole = session.value === null || (pageProblem.value?.isOfPage === true && !isLost())
  return (
    <div class="shell">
      <button type="button" class="skip" onClick={skip}>
        Skip to the page
      </button>
      <header class="top">
        <a class="brand" href={to()}>
          <Logo /> <span>Chancy</span>
        </a>
        <LiveState />
        <Zone />
        <ThemeMenu />
        <button
          type="button"
          class="button quiet icon"
          aria-label="Help and keys"
          title="Help and keys (?)"
          onClick={() => openDialog(KeyHelp)}
        >
          <Icon name="help" />
        </button>
      </header>
      {!isWhole && <Navigation current={current} />}
      <main id="main" tabIndex={-1}>
        <PageView />
      </main>
      {!isWhole && <Foot current={current} />}
      <Toasts />
      <DialogHost />
    </div>
  )
}

const isLost = () => pageProblem.value?.code === 'SERVER_LOST'

/** A link to `#main` would lead to the page at the base. */
function skip(): void {
  document.getElementById('main')?.focus()
}

function Navigation({ current }: { current: string }) {
  return (
    <nav class="side" aria-label="Pages">
      <div>
        {PAGES.filter(({ verb }) => may(verb)).map((page) => (
          <NavLink key={page.part} page={page} current={current} />
        ))}
      </div>
    </nav>
  )
}

function NavLink({ page, current }: { page: PageEntry; current: string }) {
  return (
    <a
      href={to(...(page.part === '' ? [] : [page.part]))}
      aria-current={page.part === current ? 'page' : undefined}
      title={`${page.title} (g ${page.key})`}
    >
      <Icon name={page.icon} />
      <span>{page.title}</span>
    </a>
  )
}

/** Of a narrow screen: five pages and what is more. */
function Foot({ current }: { current: string }) {
  const pages = PAGES.filter(({ verb }) => may(verb))
  return (
    <nav class="foot" aria-label="Pages, below">
      {pages.slice(0, 5).map((page) => (
        <NavLink key={page.part} page={page} current={current} />
      ))}
      <button type="button" onClick={() => openDialog(() => <MoreSheet pages={pages.slice(5)} />)}>
        <Icon name="dots" />
        <span>More</span>
      </button>
    </nav>
  )
}

function Zone() {
  return (
    <button
      type="button"
      class="button quiet time"
      onClick={switchZone}
      title={`Times are in ${zone.value}. Switch to ${otherZone.value} (z)`}
    >
      <span>{clockText(now.value)}</span>
      <span class="soft of-zone">{zone.value}</span>
    </button>
  )
}

function ThemeMenu() {
  const items = (['auto', 'light', 'dark'] as const).map((one) => ({
    label: { auto: 'As the system', light: 'Light', dark: 'Dark' }[one],
    checked: theme.value === one,
    run: () => {
      theme.value = one
    },
  }))
  const icon = { auto: 'half', light: 'sun', dark: 'moon' } as const
  return (
    <Menu
      class="quiet icon"
      title="Theme"
      label={
        <>
          <Icon name={icon[theme.value]} />
          <span class="unseen">Theme</span>
        </>
      }
      items={items}
    />
  )
}

function Logo() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" fill="var(--accent-fill)" />
      <path d="M9 10h14M9 16h9M9 22h5" stroke="#fff" stroke-width="3" stroke-linecap="round" />
      <circle cx="23" cy="21" r="3" fill="#8fe3a8" />
    </svg>
  )
}
