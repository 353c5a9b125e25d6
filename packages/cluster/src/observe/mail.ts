/** Sends one mail through the mail server of the alert settings. Each step has a deadline. */
import type { AlertSettings } from './alert-settings.ts'

const MAIL_TIMEOUT_MS = 10_000
const SMTPS_PORT = 465

export interface Mail {
  subject: string
  text: string
}

/** Resolves when the server has taken it; rejects with what went wrong. */
export async function sendMail(settings: AlertSettings, mail: Mail): Promise<void> {
  // Few nodes ever send a mail: the others are spared the memory of its code.
  const { createTransport } = await import('nodemailer')
  const { user, pass, host, port, encrypt } = settings.emailServer
  const transport = createTransport({
    host,
    port,
    secure: encrypt && port === SMTPS_PORT,
    requireTLS: encrypt,
    ignoreTLS: !encrypt,
    ...(user === '' ? {} : { auth: { user, pass } }),
    connectionTimeout: MAIL_TIMEOUT_MS,
    greetingTimeout: MAIL_TIMEOUT_MS,
    socketTimeout: MAIL_TIMEOUT_MS,
  })
  try {
    const { sender, recipients } = settings
    await transport.sendMail({ from: sender, to: recipients.join(', '), ...mail })
  } finally {
    transport.close()
  }
}
