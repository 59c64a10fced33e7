import type { WireJobRow, WirePage } from '../../../src/http/wire.ts'
import { sayProblem } from '../../acting.ts'
import { findJobs, type JobOrder } from '../../api/jobs.ts'
import { closeDialog, Dialog, openDialog } from '../../components/dialog.tsx'
import { Menu } from '../../components/menu.tsx'
import { say } from '../../components/toast.tsx'
import { useKeys } from '../../keys.ts'
import { plural } from '../../numbers.ts'
import { query, setQuery, toJobs } from '../../router.ts'
import { stored } from '../../stored.ts'
import { COLUMNS, DEFAULT_COLUMNS } from './job-table.tsx'

const ORDERS: Readonly<Record<JobOrder, string>> = {
  newest: 'Newest first',
  ended: 'Last ended first',
  line: 'In line: next to start',
  due: 'Due: by their time',
}

export function OrderMenu({ order }: { order: JobOrder }) {
  return (
    <Menu
      label={ORDERS[order] ?? order}
      title="Order"
      items={(Object.keys(ORDERS) as JobOrder[]).map((one) => ({
        label: ORDERS[one],
        checked: one === order,
        run: () => setQuery({ order: one === 'newest' ? null : one, cursor: null }, {}),
      }))}
    />
  )
}

const saved = stored<string>('filters', '[]')

function savedFilters(): string[] {
  try {
    const found: unknown = JSON.parse(saved.value)
    return Array.isArray(found) ? found.filter((one) => typeof one === 'string') : []
  } catch {
    return []
  }
}

/** Filters that this browser keeps, and some that are always of use. */
export function SavedMenu({ q }: { q: string }) {
  const own = savedFilters()
  const usual = ['state:failed', 'state:retrying', 'state:running', 'state:waiting', 'created:<1h']
  const keep = (filters: readonly string[]) => {
    saved.value = JSON.stringify(filters.slice(0, 20))
  }
  const isKept = own.includes(q)
  return (
    <Menu
      label="Saved"
      title="Saved filters"
      class="quiet"
      items={[
        ...(q === ''
          ? []
          : [
              {
                label: isKept ? 'Forget this filter' : 'Save this filter',
                run: () => keep(isKept ? own.filter((one) => one !== q) : [q, ...own]),
              },
            ]),
        ...own.map((one) => ({ label: <code>{one}</code>, href: toJobs(one) })),
        ...usual.map((one) => ({ label: <code>{one}</code>, href: toJobs(one) })),
      ]}
    />
  )
}

/** Which columns are shown. A path such as `args.orderId` is one too. */
export function ColumnsMenu({ columns }: { columns: readonly string[] }) {
  const open = () => openDialog(() => <Columns columns={columns} />)
  useKeys(() => [{ keys: 'v', says: 'choose columns', of: 'This page', run: open }], [columns])
  return (
    <button type="button" class="button quiet wide-part" onClick={open} aria-keyshortcuts="v">
      Columns…
    </button>
  )
}

function Columns({ columns }: { columns: readonly string[] }) {
  const choose = (next: readonly string[]) => {
    const isDefault = next.join() === DEFAULT_COLUMNS.join()
    setQuery({ columns: isDefault || next.length === 0 ? null : next.join(',') })
  }
  const shown = query.value.get('columns')?.split(',') ?? columns
  const paths = shown.filter((one) => one.includes('.'))
  return (
    <Dialog
      title="Columns"
      footer={
        <>
          <button type="button" class="button" onClick={() => choose(DEFAULT_COLUMNS)}>
            As before
          </button>
          <button type="button" class="button main" onClick={() => closeDialog()}>
            Done
          </button>
        </>
      }
    >
      <div class="choices">
        {[...COLUMNS, ...paths].map((one) => (
          <label key={one}>
            <input
              type="checkbox"
              checked={shown.includes(one)}
              onChange={() =>
                choose(shown.includes(one) ? shown.filter((it) => it !== one) : [...shown, one])
              }
            />
            {one}
          </label>
        ))}
      </div>
      <form
        class="inline-form"
        onSubmit={(event) => {
          event.preventDefault()
          const input = event.currentTarget.elements.namedItem('path') as HTMLInputElement
          if (/^(args|meta)\.[^,\s]+$/.test(input.value)) choose([...shown, input.value])
          input.value = ''
        }}
      >
        <label class="field">
          <span>A value of args or meta</span>
          <input
            class="input mono"
            name="path"
            placeholder="args.user.id"
            pattern="(args|meta)\.[^,\s]+"
          />
        </label>
        <button type="submit" class="button">
          Add
        </button>
      </form>
    </Dialog>
  )
}

const MAX_EXPORT = 10_000

/** The jobs that fit as lines of JSON, as the lists have them: masked and cut. */
export function ExportMenu({ q }: { q: string }) {
  const run = async () => {
    const lines: string[] = []
    let cursor: string | null = null
    try {
      do {
        const page: WirePage<WireJobRow> = await findJobs(
          { q, order: null, cursor, limit: 200 },
          new AbortController().signal,
        )
        lines.push(...page.items.map((job) => JSON.stringify(job)))
        cursor = page.next
      } while (cursor !== null && lines.length < MAX_EXPORT)
    } catch (error) {
      sayProblem(error)
    }
    if (lines.length > 0) download(`${lines.slice(0, MAX_EXPORT).join('\n')}\n`, 'jobs.ndjson')
    const rest = cursor === null ? '' : ': the newest that fit'
    say(`${plural(Math.min(lines.length, MAX_EXPORT), 'job')} exported${rest}`)
  }
  return (
    <Menu
      label="Export"
      class="quiet"
      items={[
        {
          label: `Lines of JSON, ${MAX_EXPORT.toLocaleString('en')} jobs at most`,
          icon: 'download',
          run: () => void run(),
        },
      ]}
    />
  )
}

export function download(text: string, name: string): void {
  const address = URL.createObjectURL(new Blob([text], { type: 'application/octet-stream' }))
  const anchor = document.createElement('a')
  anchor.href = address
  anchor.download = name
  anchor.click()
  setTimeout(() => URL.revokeObjectURL(address), 10_000)
}
