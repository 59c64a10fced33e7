import { effect } from '@preact/signals'
import { stored } from './stored.ts'

export type Theme = 'auto' | 'light' | 'dark'

export const theme = stored<Theme>('theme', 'auto')

/** The style sheet has both themes, by `light-dark()`: this chooses between them. */
export function startTheme(): void {
  effect(() => {
    document.documentElement.dataset.theme = theme.value
  })
}
