import assert from 'node:assert/strict'
import { MemoryBackend } from '@holdfast/client/testing'
import { BinaryRequestParser, BinaryStatus, Op, Opcode } from '@holdfast/protocol'
import { damagedText, fuzz } from '@holdfast/protocol/testing'
import fc from 'fast-check'
import { LISTENER_DEFAULTS } from './listener-settings.ts'
import { LoginConversation } from './login-conversation.ts'
import { parseAsciiLogin, parsePlainMessage } from './sasl-plain.ts'
import { ScramKeys } from './scram-keys.ts'
import { binaryRequest } from './testing/binary-client.ts'
import { bucketOf, bucketsWithPasswords, forgetfulGuard } from './testing/front.ts'

interface Message {
  readonly opcode: number
  readonly mechanism: string
  readonly text: string
}

const USER = 'me'
const PASSWORD = 'secret-word'
const DELAY_MS_MAX = 1600
const STATUSES: readonly number[] = [
  BinaryStatus.Success,
  BinaryStatus.AuthContinue,
  BinaryStatus.AuthError,
]
const bucket = bucketOf(USER, new MemoryBackend())
const directory = bucketsWithPasswords(new Map([[bucket, PASSWORD]]))
/** Keys are derived once, so that an input costs microseconds. */
const desk = {
  directory,
  settings: LISTENER_DEFAULTS,
  scramKeys: new ScramKeys(),
  loginGuard: forgetfulGuard(),
}

const messages: fc.Arbitrary<Message> = fc.record({
  opcode: fc.constantFrom(Opcode.SaslAuth, Opcode.SaslAuth, Opcode.SaslStep, Opcode.SaslMechanisms),
  mechanism: fc.oneof(
    {
      weight: 6,
      arbitrary: fc.constantFrom('PLAIN', 'SCRAM-SHA512', 'SCRAM-SHA256', 'SCRAM-SHA1'),
    },
    { weight: 1, arbitrary: fc.constantFrom('', 'plain', 'CRAM-MD5', '__proto__') },
  ),
  text: damagedText(
    fc.constantFrom(
      `\0${USER}\0wrong`,
      `other\0${USER}\0${PASSWORD}`,
      `n,,n=${USER},r=fyko+d2lbbFgONRv9qkxdawL`,
      'y,a=x,n=no=2Cbody,r=abc',
      'p=tls-unique,,n=me,r=abc',
      `c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=`,
      `${USER} ${PASSWORD}`,
    ),
  ),
})

fuzz<Message[]>({
  name: 'login',
  inputs: fc.array(messages, { maxLength: 6 }),
  check: (conversation) => {
    const login = new LoginConversation(desk, '')
    let failures = 0
    for (const message of conversation) {
      const answer = answerTo(login, message)
      if (answer === undefined) continue
      assert.ok(STATUSES.includes(answer.status), `status ${answer.status}`)
      assert.ok(answer.delayMs >= 0 && answer.delayMs <= DELAY_MS_MAX)
      assert.ok(!answer.message.includes(PASSWORD), 'the password is shown')
      const failed = answer.status === BinaryStatus.AuthError
      failures = answer.bucket === undefined && failed ? failures + 1 : failures
      if (answer.bucket !== undefined) {
        failures = 0
        assert.ok(provesPassword(message), 'a bucket without its password')
      }
      assert.equal(answer.last, failed && failures >= LISTENER_DEFAULTS.loginFailuresMax)
    }
  },
})

fuzz<string>({
  name: 'ascii-login',
  inputs: damagedText(fc.constantFrom(`${USER} ${PASSWORD}`, 'a b c', ' ', USER)),
  check: (text) => {
    const parsed = parseAsciiLogin(Buffer.from(text))
    if (parsed !== undefined) assert.equal(`${parsed.username} ${parsed.password}`, text)
  },
})

/** As it would come from a connection: through the parser, which bounds it. */
function answerTo(
  login: LoginConversation,
  { opcode, mechanism, text }: Message,
): ReturnType<LoginConversation['answer']> | undefined {
  const bare = opcode === Opcode.SaslMechanisms
  const bytes = binaryRequest(opcode, bare ? {} : { key: mechanism, value: Buffer.from(text) })
  let answer: ReturnType<LoginConversation['answer']> | undefined
  new BinaryRequestParser().push(bytes, (request) => {
    if (request.op !== Op.Invalid) answer = login.answer(request)
  })
  return answer
}

/** Only PLAIN can: no proof of a SCRAM message here fits a nonce of this very exchange. */
function provesPassword({ mechanism, text }: Message): boolean {
  if (mechanism !== 'PLAIN') return false
  const plain = parsePlainMessage(Buffer.from(text))
  return plain?.username === USER && plain.password === PASSWORD
}
