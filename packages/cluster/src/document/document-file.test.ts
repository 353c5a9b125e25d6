import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { PasswordCheck } from '../rest/credentials.ts'
import { documentOf, documentWithBucket } from '../test-support/fixtures.ts'
import { DocumentFileError, readDocumentFile, writeDocumentFile } from './document-file.ts'

let folder = ''
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-document-'))
})
after(() => rm(folder, { recursive: true, force: true }))

test('what is written is read again, in a folder that is made', async () => {
  const path = join(folder, 'deeper', 'cluster.json')
  const stored = { self: 2, document: documentWithBucket(2) }
  await writeDocumentFile(path, stored)
  assert.deepEqual(await readDocumentFile(path), stored)
})

test('passwords in a file of an earlier build are gone from it once it is read', async () => {
  const path = join(folder, 'earlier.json')
  const document = documentWithBucket(1)
  const [bucket] = document.buckets
  assert.ok(bucket)
  const { login: _, ...rest } = bucket
  const open = { ...rest, name: 'open', saslPassword: '' }
  const buckets = [{ ...rest, saslPassword: 'plain-password' }, open]
  await writeFile(path, JSON.stringify({ self: 1, document: { ...document, buckets } }))
  const read = await readDocumentFile(path)
  const [first, second] = read?.document.buckets ?? []
  assert.ok(first?.login)
  assert.equal(second?.login, null)
  assert.ok(await new PasswordCheck().matches('plain-password', first.login.passwordHash))
  assert.doesNotMatch(await readFile(path, 'utf8'), /plain-password|saslPassword/)
  assert.deepEqual(await readDocumentFile(path), read)
})

test('no file is no document', async () => {
  assert.equal(await readDocumentFile(join(folder, 'none.json')), null)
})

test('only the owner can read it, and nothing is left beside it', async () => {
  const path = join(folder, 'alone', 'cluster.json')
  await writeDocumentFile(path, { self: 1, document: documentOf(1) })
  await writeDocumentFile(path, { self: 1, document: documentOf(2) })
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  assert.equal((await stat(join(folder, 'alone'))).mode & 0o777, 0o700)
  assert.deepEqual(await readdir(join(folder, 'alone')), ['cluster.json'])
})

test('writers at one time leave one of their documents, whole', async () => {
  const path = join(folder, 'many.json')
  const documents = [1, 2, 3, 4, 5].map((nodes) => ({ self: nodes, document: documentOf(nodes) }))
  await Promise.all(documents.map((stored) => writeDocumentFile(path, stored)))
  const read = await readDocumentFile(path)
  assert.deepEqual(read, documents[(read?.self ?? 0) - 1])
})

for (const [about, text] of [
  ['cut off in the middle', JSON.stringify({ self: 1, document: documentOf(1) }).slice(0, 100)],
  ['empty', ''],
  ['something else', '{"self":1,"document":{}}'],
] as const) {
  test(`a damaged file stops the start and is named: ${about}`, async () => {
    const path = join(folder, 'damaged.json')
    await writeFile(path, text)
    await assert.rejects(
      readDocumentFile(path),
      (error) => error instanceof DocumentFileError && error.message.includes(path),
    )
  })
}

test('a file that cannot be read is an error too, not an empty start', async () => {
  await assert.rejects(readDocumentFile(folder), DocumentFileError)
})
