export interface PageProps {
  /** What follows the name of the page in the address. */
  readonly parts: readonly string[]
}
