/** The part of nodemailer that mail.ts uses; the package has no types of its own. */
declare module 'nodemailer' {
  export interface TransportOptions {
    host: string
    port: number
    secure: boolean
    requireTLS: boolean
    ignoreTLS: boolean
    auth?: { user: string; pass: string }
    connectionTimeout: number
    greetingTimeout: number
    socketTimeout: number
  }

  export interface Message {
    from: string
    to: string
    subject: string
    text: string
  }

  export interface Transport {
    sendMail(message: Message): Promise<unknown>
    close(): void
  }

  export function createTransport(options: TransportOptions): Transport
}
