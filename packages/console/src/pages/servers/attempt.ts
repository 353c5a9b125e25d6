import { toast } from '../../parts/toast.tsx'
import { type Form, send } from '../../rest/request.ts'
import { RestError } from '../../rest/rest-error.ts'

/** Sends a form at the press of a button; says how it went in either case. */
export async function attempt(path: string, form: Form, done: string): Promise<void> {
  try {
    await send('POST', path, form)
    toast(done)
  } catch (cause) {
    toast(RestError.of(cause).message, 'bad')
  }
}
