import type { ApiProblem } from '../api/problem.ts'
import { Command } from '../components/copy.tsx'
import { Icon } from '../components/icon.tsx'
import type { PageEntry } from '../page-list.ts'
import { loadSession, session } from '../session.ts'

/** What stands in the place of every page: sign in, migrate, or a server that does not answer. */
export function WholePage({ problem }: { problem: ApiProblem }) {
  const { title, text, command } = wordsOf(problem)
  return (
    <section class="whole" role="alert">
      <Icon name={problem.code === 'ACCESS_NEEDED' ? 'groups' : 'warning'} />
      <h1>{title}</h1>
      <p>{text}</p>
      {problem.detail !== '' && <p class="soft">{problem.detail}</p>}
      {command !== null && <Command text={command} />}
      <p class="acts">
        {problem.login !== null && (
          <a class="button main" href={loginAddress(problem.login)}>
            Sign in
          </a>
        )}
        <button type="button" class="button" onClick={() => void loadSession()}>
          <Icon name="again" /> Try again
        </button>
      </p>
      {problem.requestId !== null && (
        <p class="soft">
          Request <code>{problem.requestId}</code>
        </p>
      )}
    </section>
  )
}

/** Above the last data, while nothing answers. */
export function LostBanner() {
  return (
    <p class="lost-banner" role="alert">
      <Icon name="warning" class="bad" />
      <span>
        <strong>The server does not answer.</strong> What is shown is the last that is known; the
        page continues by itself.
      </span>
    </p>
  )
}

/** A page that the role does not include, with who one is. */
export function ForbiddenPage({ entry }: { entry: PageEntry }) {
  const { actor, role, verbs } = session.value!
  return (
    <section class="whole">
      <Icon name="slash" />
      <h1>{entry.title} is not open to you</h1>
      <p>
        You are <strong class="name">{actor.name ?? actor.id}</strong>, with the role{' '}
        <strong>{role}</strong>. It lacks <code>{entry.verb}</code>.
      </p>
      <p class="soft">
        {verbs.length === 0
          ? 'It includes nothing.'
          : `It includes ${verbs.join(', ')}. The option "access" of the server decides.`}
      </p>
    </section>
  )
}

function wordsOf(problem: ApiProblem): { title: string; text: string; command: string | null } {
  switch (problem.code) {
    case 'ACCESS_NEEDED':
      return {
        title: 'Sign in to go on',
        text: 'The application that serves this page does not know you, or your session has ended.',
        command: null,
      }
    case 'ACCESS_DENIED':
    case 'HOST_REFUSED':
      return { title: 'This page is not open to you', text: problem.message, command: null }
    case 'MIGRATIONS_NEEDED':
      return {
        title: 'The schema needs a migration',
        text: 'This release cannot read the tables as they are. The page continues when they are migrated.',
        command: 'npx chancy migrate',
      }
    case 'SERVER_LOST':
      return {
        title: 'The server does not answer',
        text: 'The page continues by itself when it does.',
        command: null,
      }
    default:
      return {
        title: problem.message,
        text: 'Nothing can be shown until this is solved.',
        command: null,
      }
  }
}

/** Only an address of this origin, or one that is https. */
function loginAddress(login: string): string {
  const found = new URL(login, document.baseURI)
  const isFine = found.origin === location.origin || found.protocol === 'https:'
  return isFine ? found.href : '#'
}
