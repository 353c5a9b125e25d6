import type { JSX } from 'preact'
import { RadioField } from '../../parts/field.tsx'
import { Form, FormEnd } from '../../parts/form.tsx'
import { wizardStep } from './wizard-step.ts'

/** A cluster of its own, or one that exists. */
export function StartStep(): JSX.Element {
  return (
    <Form
      label="New cluster or join one"
      onSend={async ({ way }) => {
        wizardStep.value = way === 'join' ? 'join' : 'admin'
      }}
    >
      <RadioField
        name="way"
        label="What should this node be?"
        value="make"
        options={[
          {
            value: 'make',
            name: 'The first node of a new cluster',
            hint: 'Other nodes join it later, or are added from its Servers page.',
          },
          {
            value: 'join',
            name: 'A node of a cluster that exists',
            hint: 'It takes over that cluster’s users, buckets and settings. Data of its own is dropped.',
          },
        ]}
      />
      <FormEnd send="Next" />
    </Form>
  )
}
