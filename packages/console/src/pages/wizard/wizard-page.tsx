/**
 * What a node that belongs to no cluster shows first: make a cluster of it, or join one. A cluster
 * gets its admin first, so that nothing after that is open to everybody; the memory and the first
 * bucket follow. Each step takes effect when it is sent, and pages do the same later: who leaves
 * the wizard in the middle has lost nothing.
 */
import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { Mark } from '../../parts/icons.tsx'
import { who } from '../../rest/who.ts'
import { AdminStep } from './admin-step.tsx'
import { BucketStep } from './bucket-step.tsx'
import { JoinStep } from './join-step.tsx'
import { MemoryStep } from './memory-step.tsx'
import { StartStep } from './start-step.tsx'
import { wizardStep } from './wizard-step.ts'
import './wizard.css'

const STEPS = ['start', 'admin', 'memory', 'bucket'] as const
const TITLES: Record<string, string> = {
  start: 'Set up this node',
  join: 'Join a cluster',
  admin: 'Admin of the cluster',
  memory: 'Memory',
  bucket: 'First bucket',
}

export function WizardPage(): JSX.Element {
  const step = wizardStep.value ?? 'start'
  const head = useRef<HTMLHeadingElement>(null)
  const isFirst = useRef(true)
  useEffect(() => {
    document.title = `${TITLES[step]} - Holdfast`
    if (!isFirst.current) head.current?.focus()
    isFirst.current = false
  }, [step])
  const index = (STEPS as readonly string[]).indexOf(step)
  return (
    <main class="alone wizard">
      <div class="alone-mark">
        <Mark size={36} />
        <p class="wizard-name">Holdfast</p>
      </div>
      <div class="card wide">
        <p class="small quiet">
          {index >= 0 ? `Step ${index + 1} of ${STEPS.length}` : 'The only step'}
        </p>
        <h1 tabIndex={-1} ref={head}>
          {TITLES[step]}
        </h1>
        <Step key={step} step={step} />
      </div>
      <p class="quiet small">
        Node {who.value?.node}, version {who.value?.version}
      </p>
    </main>
  )
}

function Step({ step }: { step: string }): JSX.Element {
  switch (step) {
    case 'join':
      return <JoinStep />
    case 'admin':
      return <AdminStep />
    case 'memory':
      return <MemoryStep />
    case 'bucket':
      return <BucketStep />
    default:
      return <StartStep />
  }
}
