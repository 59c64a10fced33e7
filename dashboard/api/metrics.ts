import type { WireSeriesList } from '../../src/http/wire.ts'
import { call, listText, search } from './client.ts'

/** So long each flush of the workers is kept by itself, in milliseconds. */
const TEN_SECONDS_KEPT_MS = 900_000

/** Points of up to 8 series: `all`, `queue:mail`, `name:digest`. */
export const getSeries = (
  series: readonly string[],
  range: { readonly from: number; readonly to: number },
  signal: AbortSignal,
): Promise<WireSeriesList> =>
  call(
    `metrics/series${search({
      series: listText(series),
      from: new Date(range.from).toISOString(),
      to: new Date(range.to).toISOString(),
      step: range.to - range.from < TEN_SECONDS_KEPT_MS ? '10s' : null,
    })}`,
    { signal },
  )
