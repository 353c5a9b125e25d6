/** "Show as API": the line of shell that gives the figure shown here. */
import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { who } from '../rest/who.ts'
import { Button } from './button.tsx'
import { curlLine } from './curl-line.ts'
import { Dialog } from './dialog.tsx'
import { toast } from './toast.tsx'

export function ApiLink(props: { path: string; of: string }): JSX.Element {
  const [isOpen, setOpen] = useState(false)
  return (
    <>
      <Button
        kind="quiet"
        small
        icon="code"
        label={`Show as API: ${props.of}`}
        onPress={() => setOpen(true)}
      />
      {isOpen ? <ApiDialog {...props} onClose={() => setOpen(false)} /> : null}
    </>
  )
}

function ApiDialog(props: { path: string; of: string; onClose: () => void }): JSX.Element {
  const line = curlLine(props.path, location.origin, who.value?.user ?? null)
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(line)
      toast('Copied.')
    } catch {
      toast('The browser does not let this page copy: select the line.', 'bad')
    }
  }
  return (
    <Dialog title={`API: ${props.of}`} onClose={props.onClose}>
      <div class="stack">
        <p>Every figure of this console comes from the REST of the node. This one is from:</p>
        <pre class="api-line">{line}</pre>
        <div class="form-end">
          <Button icon="copy" onPress={() => void copy()}>
            Copy
          </Button>
        </div>
      </div>
    </Dialog>
  )
}
