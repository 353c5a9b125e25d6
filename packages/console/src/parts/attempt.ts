/** What a press of a button does at the REST; it says how it went in either case. */
import { type Form, send } from '../rest/request.ts'
import { RestError } from '../rest/rest-error.ts'
import { toast } from './toast.tsx'

/** Does it; a refusal is said as the REST says it. */
export async function attempted(act: () => Promise<void>): Promise<void> {
  try {
    await act()
  } catch (cause) {
    toast(RestError.of(cause).message, 'bad')
  }
}

/** Sends a form, then says that it is done. */
export function attempt(path: string, form: Form, done: string): Promise<void> {
  return attempted(async () => {
    await send('POST', path, form)
    toast(done)
  })
}
