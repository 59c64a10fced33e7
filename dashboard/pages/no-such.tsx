import type { ComponentChildren } from 'preact'
import { Icon } from '../components/icon.tsx'

/** In the place of a page about one thing that is not there: why that may be, and where the others are. */
export function NoSuch(props: {
  what: string
  name: string
  list: string
  children: ComponentChildren
}) {
  const { what, name, list } = props
  return (
    <section class="whole">
      <Icon name="search" />
      <h1>There is no such {what}</h1>
      <p>
        <code class="name">{name}</code>
      </p>
      <p class="soft">{props.children}</p>
      <p>
        <a href={list}>All of them</a>
      </p>
    </section>
  )
}
