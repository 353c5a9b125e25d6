/**
 * The shell: asks who uses the page, then shows the login, the wizard of a new cluster, or the
 * pages. Moves the focus to the head of a page when the address changes, for keyboards and readers.
 */
import type { FunctionComponent, JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { type Page, pages } from './pages/index.ts'
import { wizardStep } from './pages/wizard/wizard-step.ts'
import { Button } from './parts/button.tsx'
import { Note } from './parts/note.tsx'
import { Skeleton } from './parts/skeleton.tsx'
import { Toasts } from './parts/toast.tsx'
import { stopLive } from './rest/live.ts'
import { RestError } from './rest/rest-error.ts'
import { askWho, logInByTicket, who } from './rest/who.ts'
import { route, takeFromQuery } from './router.ts'
import { Header } from './shell/header.tsx'
import { LoginPage } from './shell/login-page.tsx'
import { Navigation } from './shell/navigation.tsx'

export function App(): JSX.Element {
  const [error, setError] = useState<RestError | null>(null)
  const ask = async (): Promise<void> => {
    try {
      const ticket = takeFromQuery('ticket')
      if (ticket !== null) await logInByTicket(ticket)
      await askWho()
      setError(null)
    } catch (cause) {
      setError(RestError.of(cause))
    }
  }
  useEffect(() => void ask(), [])
  const role = who.value?.role
  useEffect(() => {
    if (role === 'none') stopLive()
  }, [role])
  return (
    <>
      <Stage error={error} onRetry={() => void ask()} />
      <Toasts />
    </>
  )
}

function Stage(props: { error: RestError | null; onRetry: () => void }): JSX.Element {
  const person = who.value
  if (person === null) {
    return (
      <main class="alone">
        <h1 class="unseen">Holdfast</h1>
        {props.error ? (
          <div class="card stack">
            <Note tone="bad" urgent>
              {props.error.message}
            </Note>
            <Button onPress={props.onRetry}>Try again</Button>
          </div>
        ) : null}
      </main>
    )
  }
  if (!person.provisioned || wizardStep.value !== null) {
    return <Lazy key="wizard" load={loadWizard} heightRem={30} />
  }
  if (person.role === 'none') return <LoginPage />
  return <Shell />
}

const loadWizard = async (): Promise<FunctionComponent> =>
  (await import('./pages/wizard/wizard-page.tsx')).WizardPage

function Shell(): JSX.Element {
  const [menuOpen, setMenuOpen] = useState(false)
  const page = pages.find(({ word }) => word === route.value.page)
  return (
    <div class="shell">
      <button
        type="button"
        class="skip-link"
        onClick={() => document.getElementById('content')?.focus()}
      >
        Skip to the page
      </button>
      <Header menuOpen={menuOpen} onMenu={() => setMenuOpen(!menuOpen)} />
      <Navigation open={menuOpen} onChoose={() => setMenuOpen(false)} />
      <main class="page" id="content" tabIndex={-1}>
        {page ? <Shown key={page.word} page={page} /> : <NoPage />}
      </main>
    </div>
  )
}

function NoPage(): JSX.Element {
  return (
    <>
      <h1 tabIndex={-1}>No such page</h1>
      <p>Choose one of the pages beside.</p>
    </>
  )
}

function Shown({ page }: { page: Page }): JSX.Element {
  const { name } = route.value
  useEffect(() => {
    document.title = `${name ?? page.title} - Holdfast`
    if (!isShellFresh) document.querySelector<HTMLElement>('#content h1')?.focus()
    isShellFresh = false
  }, [page, name])
  return <Lazy load={page.load} heightRem={24} />
}

/** The first page of a visit does not take the focus. */
let isShellFresh = true

function Lazy(props: { load: Page['load']; heightRem: number }): JSX.Element {
  const [loaded, setLoaded] = useState<{ Content: FunctionComponent } | null>(() => {
    const content = props.load()
    return content instanceof Promise ? null : { Content: content }
  })
  const [error, setError] = useState(false)
  useEffect(() => {
    if (loaded) return
    const load = async (): Promise<void> => {
      try {
        setLoaded({ Content: await props.load() })
      } catch {
        setError(true)
      }
    }
    void load()
  }, [loaded, props.load])
  if (error) {
    return (
      <Note tone="bad" urgent>
        This part of the console could not be loaded. Load the page again.
      </Note>
    )
  }
  return loaded ? <loaded.Content /> : <Skeleton heightRem={props.heightRem} />
}
