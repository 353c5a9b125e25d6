import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { Field, SelectField } from '../../parts/field.tsx'
import { Form, FormEnd } from '../../parts/form.tsx'
import type { Question } from './session-words.ts'

const WAYS = [
  ['any', 'Any'],
  ['id', 'By id'],
  ['user', 'By user'],
] as const

/** Asks which sessions: a bucket, and an id, a user or neither. */
export function SearchForm(props: {
  names: readonly string[]
  question: Question
  onAsk: (question: Question) => void
}): JSX.Element {
  const [by, setBy] = useState(props.question.by)
  const ask = async (values: Record<string, string>): Promise<void> => {
    const text = (values.text ?? '').trim()
    const isAny = by === 'any' || text === ''
    props.onAsk({ bucket: values.bucket ?? '', by: isAny ? 'any' : by, text: isAny ? '' : text })
  }
  return (
    <Form label="Find sessions" onSend={ask}>
      <div class="session-search">
        <SelectField
          name="bucket"
          label="Bucket"
          value={props.question.bucket}
          options={props.names.map((name) => [name, name] as const)}
        />
        <SelectField
          name="by"
          label="Which"
          value={by}
          options={WAYS}
          onChange={(value) => setBy(WAYS.find(([way]) => way === value)?.[0] ?? 'any')}
        />
        {by === 'any' ? null : (
          <Field
            key={by}
            name="text"
            label={by === 'id' ? 'Id of the session' : 'User'}
            type="search"
            required
            hint={
              by === 'id'
                ? 'As stored, or the value of the cookie.'
                : 'As the application names its users.'
            }
          />
        )}
        <FormEnd send="Find" />
      </div>
    </Form>
  )
}
