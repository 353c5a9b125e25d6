/**
 * Sessions of a bucket: find them by id or user or page through them, look at one, end one or all
 * of a user. Asked when a person asks: reading sessions costs the store work, so nothing here is
 * live.
 */
import type { JSX } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { ApiLink } from '../../parts/api-link.tsx'
import { Card } from '../../parts/card.tsx'
import { Empty } from '../../parts/note.tsx'
import { PageHead } from '../../parts/page-head.tsx'
import { Shown } from '../../parts/watched.tsx'
import { useWatch } from '../../rest/live.ts'
import type { Bucket } from '../../rest/types.ts'
import { FoundCard } from './found-card.tsx'
import { SearchForm } from './search-form.tsx'
import { pathOf, type Question } from './session-words.ts'
import './sessions.css'

const BUCKETS_PATH = '/pools/default/buckets'

export function SessionsPage(): JSX.Element {
  const buckets = useWatch<Bucket[]>(BUCKETS_PATH)
  return (
    <>
      <PageHead title="Sessions" />
      <Shown of={buckets} heightRem={28}>
        {(list) =>
          list.length === 0 ? (
            <Card>
              <Empty icon="session" title="There is no bucket">
                Sessions live in a bucket: make one on <a href="#/buckets">Buckets</a>.
              </Empty>
            </Card>
          ) : (
            <Search names={list.map((b) => b.name)} />
          )
        }
      </Shown>
    </>
  )
}

function Search({ names }: { names: readonly string[] }): JSX.Element {
  const first = useRef(names.find((name) => /session/i.test(name)) ?? names[0] ?? '')
  const [question, setQuestion] = useState<Question>({
    bucket: first.current,
    by: 'any',
    text: '',
  })
  const isGone = !names.includes(question.bucket)
  useEffect(() => {
    if (isGone) setQuestion({ bucket: names[0] ?? '', by: 'any', text: '' })
  }, [isGone])
  const path = pathOf(question)
  return (
    <div class="stack">
      <Card title="Find" actions={<ApiLink path={path} of="sessions" />}>
        <SearchForm names={names} question={question} onAsk={setQuestion} />
      </Card>
      {isGone ? null : <FoundCard key={path} question={question} />}
    </div>
  )
}
