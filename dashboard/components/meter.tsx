/** A part of a whole as a bar; the words beside it say the numbers. */
export function Meter({ part, of, tone }: { part: number; of: number; tone?: string | undefined }) {
  const share = of <= 0 ? 0 : Math.min(1, Math.max(0, part / of))
  return (
    <svg
      class={`meter ${tone ?? ''}`}
      viewBox="0 0 100 8"
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      <rect class="rail" width="100" height="8" />
      <rect class="part" width={share * 100} height="8" />
    </svg>
  )
}
