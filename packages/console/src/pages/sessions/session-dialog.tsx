/** One session: its times, its attributes, their values when the admin asks for them, its end. */
import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { ApiLink } from '../../parts/api-link.tsx'
import { Button } from '../../parts/button.tsx'
import { ConfirmByName } from '../../parts/confirm-by-name.tsx'
import { Dialog } from '../../parts/dialog.tsx'
import { Terms } from '../../parts/figure.tsx'
import { Moment } from '../../parts/moment.tsx'
import { Note } from '../../parts/note.tsx'
import { type Column, Table } from '../../parts/table.tsx'
import { toast } from '../../parts/toast.tsx'
import { bytes } from '../../parts/units.ts'
import { read, send } from '../../rest/request.ts'
import { RestError } from '../../rest/rest-error.ts'
import type { Session } from '../../rest/session-types.ts'
import { mayChange } from '../../rest/who.ts'
import { nameOf, sessionPath, span, storedAs } from './session-words.ts'

type Attribute = Session['attributes'][number]

export function SessionDialog(props: {
  session: Session
  onEnded: () => void
  onClose: () => void
}): JSX.Element {
  const { session } = props
  const [shown, setShown] = useState<Session>(session)
  const [error, setError] = useState<string | null>(null)
  const [isEnding, setEnding] = useState(false)
  const showValues = async (): Promise<void> => {
    try {
      setShown(await read<Session>(sessionPath(session, true)))
      setError(null)
    } catch (cause) {
      setError(RestError.of(cause).message)
    }
  }
  const end = async (): Promise<void> => {
    const { revoked } = await send<{ revoked: number }>('DELETE', sessionPath(session))
    toast(revoked > 0 ? 'The session has ended.' : 'It had ended before.')
    props.onEnded()
  }
  if (isEnding) {
    return (
      <ConfirmByName
        title="End this session"
        kind="session"
        name={nameOf(session)}
        action="End the session"
        onConfirm={end}
        onClose={() => setEnding(false)}
      >
        <p>
          {session.user ?? 'Whoever has it'} is logged out on all servers of the application, and
          the {bytes(session.sizeBytes)} that it holds are gone. A server that keeps sessions in its
          memory (sticky) hears of it within its revocationPoll.
        </p>
      </ConfirmByName>
    )
  }
  return (
    <Dialog title="Session" wide onClose={props.onClose}>
      <div class="stack">
        <Terms list={termsOf(shown)} />
        {shown.note ? <Note>{shown.note}</Note> : null}
        {error ? (
          <Note tone="bad" urgent>
            {error}
          </Note>
        ) : null}
        {shown.encrypted ? (
          <Note>It is encrypted: only the application, which has the key, can read it.</Note>
        ) : (
          <Table
            caption="Attributes"
            columns={columnsOf(shown)}
            rows={shown.attributes}
            keyOf={(attribute) => attribute.name}
          />
        )}
        {mayChange() ? null : <Note>Values are for the admin only.</Note>}
        <div class="form-end">
          <ApiLink path={sessionPath(session)} of="this session" />
          {mayChange() ? (
            <>
              <Button kind="danger" onPress={() => setEnding(true)}>
                End the session
              </Button>
              {shown.encrypted || shown.values ? null : (
                <Button onPress={() => void showValues()}>Show values</Button>
              )}
            </>
          ) : null}
        </div>
      </div>
    </Dialog>
  )
}

function termsOf(session: Session): [string, JSX.Element | string][] {
  const moment = (timeMs: number | null): JSX.Element | string =>
    timeMs === null ? 'unknown' : <Moment timeMs={timeMs} />
  return [
    ['Id', <code>{session.id}</code>],
    ['User', session.user ?? 'not known'],
    ['Created', moment(session.createdAt)],
    ['Last used', moment(session.lastAccessedAt)],
    ['Expires in', span(session.expiresInSeconds, 'never')],
    ['Stored as', storedAs(session)],
  ]
}

function columnsOf({ values, cut }: Session): Column<Attribute>[] {
  const columns: Column<Attribute>[] = [
    { name: 'Attribute', heads: true, cell: ({ name }) => <code>{name}</code> },
    { name: 'Type', cell: ({ type }) => type },
    { name: 'Size', number: true, cell: ({ sizeBytes }) => bytes(sizeBytes) },
  ]
  if (!values) return columns
  const value: Column<Attribute> = {
    name: 'Value',
    cell: ({ name }) => (
      <>
        <code class="session-value">{JSON.stringify(values[name])}</code>
        {cut?.includes(name) ? <div class="quiet small">only its beginning</div> : null}
      </>
    ),
  }
  return [...columns, value]
}
