import type { WireSeriesList } from '../../../src/http/wire.ts'
import { timesOf } from '../../series.ts'
import { stampText } from '../../time.ts'
import type { Measure } from './measures.ts'

/** The points of a chart as text, the newest first. */
export function ChartTable({ data, measure }: { data: WireSeriesList; measure: Measure }) {
  const times = timesOf(data)
  return (
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">From</th>
            {data.series.map(({ key }) => (
              <th key={key} scope="col" class="num">
                {key}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {times
            .map((at, index) => (
              <tr key={at}>
                <th scope="row">{stampText(at)}</th>
                {data.series.map(({ key, points }) => {
                  const point = points[index]
                  const value = point == null ? null : measure.of(point, data.stepMs)
                  return (
                    <td key={key} class="num">
                      {value === null ? <span class="soft">no data</span> : measure.format(value)}
                    </td>
                  )
                })}
              </tr>
            ))
            .reverse()}
        </tbody>
      </table>
    </div>
  )
}
