const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']

const isNumber = (text: string) => /^\d+$/.test(text)
const two = (text: string) => text.padStart(2, '0')

/** The common forms of a cron expression in words; null for the others, whose ticks the preview shows. */
export function cronWords(cron: string): string | null {
  const fields = cron.trim().split(/\s+/)
  if (fields.length !== 5) return null
  const [minute, hour, day, month, named] = fields as [string, string, string, string, string]
  const weekday = named.replace(/[a-z]{3,}/gi, (name) => {
    const at = DAYS.findIndex((one) => one.slice(0, 3).toLowerCase() === name.toLowerCase())
    return at < 0 ? name : String(at)
  })
  const isDaily = day === '*' && month === '*'
  const step = /^\*\/(\d+)$/.exec(minute)?.[1]
  if (isDaily && weekday === '*' && hour === '*') {
    if (minute === '*') return 'every minute'
    if (step !== undefined) return `every ${step} minutes`
    return isNumber(minute) ? `hourly at :${two(minute)}` : null
  }
  if (!isNumber(minute)) return null
  const hours = /^\*\/(\d+)$/.exec(hour)?.[1]
  if (isDaily && weekday === '*' && hours !== undefined)
    return `every ${hours} hours at :${two(minute)}`
  if (!isNumber(hour)) return null
  const at = `${hour}:${two(minute)}`
  if (isDaily && weekday === '*') return `daily at ${at}`
  if (isDaily && weekday === '1-5') return `Monday to Friday at ${at}`
  if (isDaily && isNumber(weekday)) return `${DAYS[Number(weekday) % 7]}s at ${at}`
  if (isNumber(day) && month === '*' && weekday === '*') return `day ${day} of each month at ${at}`
  return null
}
