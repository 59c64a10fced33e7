import type { LocalDate, Meaning } from './local-times.ts'

type DateRule = (date: LocalDate) => boolean

const range = (from: number, to: number, step = 1): number[] =>
  Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, index) => from + index * step)
const everyHour = range(0, 23)
const everyMinute = range(0, 59)
const everyDay: DateRule = () => true

const fixed = (
  hours: number[],
  minutes: number[],
  isOn: DateRule = everyDay,
  seconds = [0],
): Meaning => ({
  isFixed: true,
  isOn,
  times: hours.flatMap((hour) =>
    minutes.flatMap((minute) =>
      seconds.map((second) => ((hour * 60 + minute) * 60 + second) * 1_000),
    ),
  ),
})
const moving = (...given: Parameters<typeof fixed>): Meaning => ({
  ...fixed(...given),
  isFixed: false,
})

const isWeekend = (weekday: number): boolean => weekday === 0 || weekday === 6

/** The weekday of a day of the same month. */
const weekdayOf = (date: LocalDate, day: number): number =>
  (((date.weekday + day - date.day) % 7) + 7) % 7

/** The working day next to a day, in the same month. */
function nearestWorkday(date: LocalDate, wanted: number): number {
  const weekday = weekdayOf(date, wanted)
  if (weekday === 6) return wanted === 1 ? 3 : wanted - 1
  if (weekday === 0) return wanted === date.monthLength ? wanted - 2 : wanted + 1
  return wanted
}

function lastWorkday(date: LocalDate): number {
  let day = date.monthLength
  while (isWeekend(weekdayOf(date, day))) day--
  return day
}

/** Expressions, and what each of them means. */
export const meanings: Readonly<Record<string, Meaning>> = {
  '30 2 * * *': fixed([2], [30]),
  '0 0 * * *': fixed([0], [0]),
  '30 23 * * *': fixed([23], [30]),
  '15 1 * * *': fixed([1], [15]),
  '30 2,14 * * *': fixed([2, 14], [30]),
  '0,30 2-3 * * *': fixed([2, 3], [0, 30]),
  '5 0 ? * ?': fixed([0], [5]),
  '15 30 2 * * *': fixed([2], [30], everyDay, [15]),
  '@weekly': fixed([0], [0], ({ weekday }) => weekday === 0),
  '0 7 * * MON-FRI': fixed([7], [0], ({ weekday }) => weekday >= 1 && weekday <= 5),
  '10 0-1 * * SAT-SUN': fixed([0, 1], [10], ({ weekday }) => isWeekend(weekday)),
  '40 1 * MAR,OCT 7': fixed(
    [1],
    [40],
    ({ month, weekday }) => [3, 10].includes(month) && weekday === 0,
  ),
  '0 0 1 * *': fixed([0], [0], ({ day }) => day === 1),
  '0 0 31 12 *': fixed([0], [0], ({ day, month }) => day === 31 && month === 12),
  '0 2 29 2 *': fixed([2], [0], ({ day, month }) => day === 29 && month === 2),
  '59 23 L * *': fixed([23], [59], ({ day, monthLength }) => day === monthLength),
  '0 12 15W * *': fixed([12], [0], (date) => date.day === nearestWorkday(date, 15)),
  '0 12 1W * *': fixed([12], [0], (date) => date.day === nearestWorkday(date, 1)),
  '0 12 31W * *': fixed(
    [12],
    [0],
    (date) => date.monthLength === 31 && date.day === nearestWorkday(date, 31),
  ),
  '30 0 LW * *': fixed([0], [30], (date) => date.day === lastWorkday(date)),
  '30 2 * * SUN#2': fixed([2], [30], ({ day, weekday }) => weekday === 0 && day > 7 && day <= 14),
  '45 23 * * 5L': fixed(
    [23],
    [45],
    ({ day, weekday, monthLength }) => weekday === 5 && day > monthLength - 7,
  ),
  '5 4 1,15 * FRI': fixed([4], [5], ({ day, weekday }) => day === 1 || day === 15 || weekday === 5),
  '5 4 1-7 * +MON': fixed([4], [5], ({ day, weekday }) => day <= 7 && weekday === 1),
  '0 6 */2 * MON': fixed([6], [0], ({ day, weekday }) => day % 2 === 1 || weekday === 1),
  '0 3 1 */3 *': fixed([3], [0], ({ day, month }) => day === 1 && month % 3 === 1),
  '30 */2 * * *': moving(range(0, 22, 2), [30]),
  '0 * * * *': moving(everyHour, [0]),
  '*/20 2 * * *': moving([2], [0, 20, 40]),
  '0-59/20 0-3 * * *': moving([0, 1, 2, 3], [0, 20, 40]),
  '*/30 59 1-2 * * *': moving([1, 2], [59], everyDay, [0, 30]),
  '0 30 ? L * ?': moving(everyHour, [30], ({ day, monthLength }) => day === monthLength),
  '*/15 * * * *': moving(everyHour, range(0, 45, 15)),
  '* * * * *': moving(everyHour, everyMinute),
}
