/**
 * The fields of a bucket's form, the same for one that is made and one that is changed. A setting
 * that means nothing with the others as they are is not shown, and not sent.
 */
import type { ComponentChildren, JSX } from 'preact'
import { Field, RadioField, SelectField } from '../../parts/field.tsx'
import type { FormValues } from '../../parts/form.tsx'
import { Note } from '../../parts/note.tsx'
import type { Checked } from './bucket-check.ts'
import { QuotaSummary } from './quota-summary.tsx'
import {
  ACCESSES,
  DEGRADED_WRITES,
  DURABILITIES,
  EVICTIONS,
  PERSISTENCES,
  type SettingChoice,
} from './setting-words.ts'

const REPLICAS = [
  ['0', '0: no second copy'],
  ['1', '1: one server may die'],
  ['2', '2: two may die'],
  ['3', '3: three may die'],
] as const

export interface FieldsProps {
  start: FormValues
  values: FormValues
  checked: Checked
  /** Of the running check, by field. */
  errors: Readonly<Record<string, string>>
}

/** What a field is given, with the error of the running check where it has one. */
function told(errors: FieldsProps['errors'], name: string): { name: string; error?: string } {
  const error = errors[name]
  return error === undefined ? { name } : { name, error }
}

export function MemoryFields(
  props: FieldsProps & { isFixed?: boolean; children?: ComponentChildren },
): JSX.Element {
  const { start, values, checked, errors } = props
  const least = values.bucketType === 'memcached' ? 64 : 100
  return (
    <Section title="Memory">
      <div class="columns form-columns">
        <Field
          {...told(errors, 'ramQuotaMB')}
          label="Memory on each server"
          type="number"
          min={least}
          unit="MB"
          value={start.ramQuotaMB ?? ''}
          disabled={props.isFixed ?? false}
          hint={
            props.isFixed
              ? 'The quota of a cache is fixed when it is made.'
              : `For all copies that a server holds; ${least} MB at least.`
          }
        />
        {props.children}
      </div>
      <QuotaSummary of={checked.summaries} />
    </Section>
  )
}

export function CopiesFields({ start, values, checked, errors }: FieldsProps): JSX.Element {
  const hasReplicas = values.replicaNumber !== '0'
  const warning = checked.warnings.replicaNumber
  return (
    <Section title="Copies">
      <SelectField
        {...told(errors, 'replicaNumber')}
        label="Replicas"
        options={REPLICAS}
        value={start.replicaNumber ?? '1'}
      />
      {warning ? <Note tone="warning">{warning.replace(/^Warning: (.)/, upperFirst)}</Note> : null}
      {hasReplicas ? (
        <div class="columns form-columns">
          <ChoiceField
            {...told(errors, 'durability')}
            label="A write is acknowledged"
            {...{ start, choices: DURABILITIES }}
          />
          <ChoiceField
            {...told(errors, 'degradedWrites')}
            label="Writes while a shard has no replica"
            {...{ start, choices: DEGRADED_WRITES }}
          />
        </div>
      ) : null}
    </Section>
  )
}

function upperFirst(_: string, letter: string): string {
  return letter.toUpperCase()
}

export function KeepingFields({ start, errors }: FieldsProps): JSX.Element {
  return (
    <Section title="Full memory and disk">
      <div class="columns form-columns">
        <ChoiceField
          {...told(errors, 'eviction')}
          label="When memory is full"
          {...{ start, choices: EVICTIONS }}
        />
        <ChoiceField
          {...told(errors, 'persistence')}
          label="Written to disk"
          {...{ start, choices: PERSISTENCES }}
        />
      </div>
    </Section>
  )
}

export function AccessFields(
  props: FieldsProps & { hasPassword?: boolean; isChange?: boolean },
): JSX.Element {
  const { start, values, errors } = props
  const isOpen = values.authType === 'none'
  const setsPassword = !props.isChange || values.passwordChange === 'set'
  return (
    <Section title="Access">
      <div class="columns form-columns">
        <ChoiceField
          {...told(errors, 'authType')}
          label="Applications come by"
          {...{ start, choices: ACCESSES }}
        />
        {isOpen ? (
          <Field
            {...told(errors, 'proxyPort')}
            label="Port on every server"
            type="number"
            min={1025}
            max={65_535}
            value={start.proxyPort ?? ''}
          />
        ) : (
          <div class="stack tight">
            {props.isChange ? (
              <SelectField
                {...told(errors, 'passwordChange')}
                label="Password"
                value="keep"
                options={[
                  ['keep', props.hasPassword ? 'keep it as it is' : 'none, as it is'],
                  ['set', 'set another'],
                  ...(props.hasPassword ? ([['none', 'remove it']] as const) : []),
                ]}
              />
            ) : null}
            {setsPassword ? (
              <Field
                {...told(errors, 'saslPassword')}
                label={props.isChange ? 'Other password' : 'Password'}
                type="password"
                autoComplete="new-password"
                hint="Empty: everybody who reaches the port may use the bucket."
              />
            ) : null}
          </div>
        )}
      </div>
    </Section>
  )
}

function ChoiceField(props: {
  name: string
  label: string
  error?: string
  start: FormValues
  choices: readonly SettingChoice[]
}): JSX.Element {
  const { name, label, error, start, choices } = props
  return (
    <RadioField
      name={name}
      label={label}
      options={choices}
      value={start[name] ?? ''}
      {...(error === undefined ? {} : { error })}
    />
  )
}

function Section(props: { title: string; children: ComponentChildren }): JSX.Element {
  return (
    <fieldset class="form-section">
      <legend>{props.title}</legend>
      <div class="stack">{props.children}</div>
    </fieldset>
  )
}
