const whole = new Intl.NumberFormat('en')

/** 1,204 */
export const countText = (value: number): string => whole.format(Math.round(value))

/** 1,204; 10,000+ where the count stopped; ≈ 1.24 M where it is an estimate. */
export function boundedText(
  value: number,
  edge: { readonly more?: boolean; readonly about?: boolean } = {},
): string {
  if (edge.about === true) return `≈ ${shortText(value)}`
  return countText(value) + (edge.more === true ? '+' : '')
}

/** 12,480 as it is, and from 100,000 on 124 k or 1.24 M. */
export function shortText(value: number): string {
  if (Math.abs(value) < 100_000) return countText(value)
  if (Math.abs(value) < 999_500) return `${Math.round(value / 1_000)} k`
  if (Math.abs(value) < 999_500_000) return `${significant(value / 1e6)} M`
  return `${significant(value / 1e9)} G`
}

/** A rate a second: 1,240/s, 4.2/s, 12/min, 3/h. */
export function rateText(perSecond: number): string {
  if (perSecond === 0) return '0/s'
  if (perSecond >= 1) return `${perSecond < 10 ? significant(perSecond) : countText(perSecond)}/s`
  if (perSecond * 60 >= 1) return `${significant(perSecond * 60)}/min`
  return `${significant(perSecond * 3_600)}/h`
}

/** The same in one unit, for the steps of an axis. */
export const perSecondText = (perSecond: number): string => `${significant(perSecond)}/s`

export function percentText(share: number): string {
  const percent = share * 100
  if (percent === 0) return '0 %'
  if (percent < 0.1) return '< 0.1 %'
  return `${percent < 10 ? percent.toFixed(1) : Math.round(percent)} %`
}

/** 512 B, 62 MiB */
export function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let at = 0
  let value = bytes
  for (; value >= 1_024 && at < units.length - 1; at++) value /= 1_024
  return `${at === 0 ? value : significant(value)} ${units[at]}`
}

/** `1 job`, `2 jobs` */
export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${countText(count)} ${count === 1 ? one : many}`

function significant(value: number): string {
  const size = Math.abs(value)
  return value
    .toFixed(size < 10 ? 2 : size < 100 ? 1 : 0)
    .replace(/(\.\d*?)0+$/, '$1')
    .replace(/\.$/, '')
}
