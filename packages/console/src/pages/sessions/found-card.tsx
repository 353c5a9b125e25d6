/** What was found: page by page, anew when asked, with the sessions of a user ended together. */
import type { JSX } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { Button } from '../../parts/button.tsx'
import { Card } from '../../parts/card.tsx'
import { ConfirmByName } from '../../parts/confirm-by-name.tsx'
import { Empty, Note } from '../../parts/note.tsx'
import { Skeleton } from '../../parts/skeleton.tsx'
import { type Column, Table } from '../../parts/table.tsx'
import { toast } from '../../parts/toast.tsx'
import { counted } from '../../parts/units.ts'
import { read, send } from '../../rest/request.ts'
import { RestError } from '../../rest/rest-error.ts'
import type { Session, Sessions } from '../../rest/session-types.ts'
import { mayChange } from '../../rest/who.ts'
import { SessionDialog } from './session-dialog.tsx'
import { attributeWords, pathOf, type Question, shortId, span, storedAs } from './session-words.ts'

interface Found {
  sessions: Session[]
  next: string | null
  note: string | undefined
}

/** Sessions kept on show; beyond it a person had better ask more closely. */
const SHOWN_MAX = 1000

export function FoundCard({ question }: { question: Question }): JSX.Element {
  const [found, setFound] = useState<Found | null>(null)
  const [error, setError] = useState<RestError | null>(null)
  const [isBusy, setBusy] = useState(true)
  const [looked, setLooked] = useState<Session | null>(null)
  const [isEnding, setEnding] = useState(false)
  const isOn = useRef(true)

  const load = async (before: Found | null): Promise<void> => {
    setBusy(true)
    try {
      const page = await read<Sessions>(pathOf(question, before?.next ?? null))
      if (!isOn.current) return
      const sessions = [...(before?.sessions ?? []), ...page.sessions]
      setFound({ sessions, next: page.next, note: page.note })
      setError(null)
    } catch (cause) {
      if (isOn.current) setError(RestError.of(cause))
    }
    if (isOn.current) setBusy(false)
  }
  useEffect(() => {
    isOn.current = true
    void load(null)
    return () => {
      isOn.current = false
    }
  }, [])

  const endAll = async (): Promise<void> => {
    const { bucket, text } = question
    const path = `/sessions/${encodeURIComponent(bucket)}?user=${encodeURIComponent(text)}`
    const { revoked } = await send<{ revoked: number }>('DELETE', path)
    toast(`${counted(revoked, 'session')} of ${text} ended.`)
    await load(null)
  }
  const isOfUser = question.by === 'user' && (found?.sessions.length ?? 0) > 0

  return (
    <Card
      title={found ? titleOf(found) : 'Sessions'}
      actions={
        <>
          {isOfUser && mayChange() ? (
            <Button kind="danger" small onPress={() => setEnding(true)}>
              End all of {question.text}
            </Button>
          ) : null}
          <Button small icon="turn" busy={isBusy} onPress={() => void load(null)}>
            Refresh
          </Button>
        </>
      }
    >
      <div class="stack">
        {error ? (
          <Note tone="bad" urgent>
            {error.message}
          </Note>
        ) : null}
        {found?.note ? <Note>{found.note}</Note> : null}
        {found === null ? (
          error ? null : (
            <Skeleton heightRem={20} />
          )
        ) : (
          <List found={found} isBusy={isBusy} onLook={setLooked} onMore={() => void load(found)} />
        )}
      </div>
      {looked ? (
        <SessionDialog
          session={looked}
          onEnded={() => {
            setLooked(null)
            void load(null)
          }}
          onClose={() => setLooked(null)}
        />
      ) : null}
      {isEnding ? (
        <ConfirmByName
          title={`End all sessions of ${question.text}`}
          kind="user"
          name={question.text}
          action="End all"
          onConfirm={endAll}
          onClose={() => setEnding(false)}
        >
          <p>
            {found?.next ? 'At least ' : ''}
            {counted(found?.sessions.length ?? 0, 'session')} of {question.text} end on all servers
            of the application: everywhere this user has to log in again.
          </p>
        </ConfirmByName>
      ) : null}
    </Card>
  )
}

function titleOf({ sessions, next }: Found): string {
  return `${counted(sessions.length, 'session')}${next ? ', there are more' : ''}`
}

function List(props: {
  found: Found
  isBusy: boolean
  onLook: (session: Session) => void
  onMore: () => void
}): JSX.Element {
  const { sessions, next } = props.found
  if (sessions.length === 0 && next === null) {
    return (
      <Empty icon="session" title="No session found">
        It has ended or expired, or it is in another bucket.
      </Empty>
    )
  }
  return (
    <>
      <Table
        caption="Sessions found"
        columns={columnsOf(props.onLook)}
        rows={sessions}
        keyOf={(session) => session.id}
      />
      {next !== null && sessions.length < SHOWN_MAX ? (
        <div class="form-end">
          <Button busy={props.isBusy} onPress={props.onMore}>
            Show more
          </Button>
        </div>
      ) : null}
      {sessions.length >= SHOWN_MAX ? (
        <Note>{counted(SHOWN_MAX, 'session')} are on show: ask by id or by user for others.</Note>
      ) : null}
    </>
  )
}

function columnsOf(onLook: (session: Session) => void): Column<Session>[] {
  return [
    {
      name: 'Session',
      heads: true,
      cell: (session) => (
        <>
          <code title={session.id}>{shortId(session.id)}</code>
          <div class="quiet small">{session.user ?? 'no user known'}</div>
        </>
      ),
    },
    { name: 'Age', number: true, cell: ({ ageSeconds }) => span(ageSeconds) },
    { name: 'Idle', number: true, cell: ({ idleSeconds }) => span(idleSeconds) },
    {
      name: 'Expires in',
      number: true,
      cell: ({ expiresInSeconds }) => span(expiresInSeconds, 'never'),
    },
    {
      name: 'Attributes',
      cell: (session) => (
        <>
          <div class="session-names">{attributeWords(session)}</div>
          <div class="quiet small">{storedAs(session)}</div>
        </>
      ),
    },
    {
      name: 'Look',
      unnamed: true,
      cell: (session) => (
        <Button
          small
          label={`Look at session ${shortId(session.id)}`}
          onPress={() => onLook(session)}
        >
          Look
        </Button>
      ),
    },
  ]
}
