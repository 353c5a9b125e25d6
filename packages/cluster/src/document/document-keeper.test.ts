import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { documentOf } from '../test-support/fixtures.ts'
import type { ClusterDocument } from './cluster-document.ts'
import { readDocumentFile } from './document-file.ts'
import { DocumentKeeper } from './document-keeper.ts'

const BASE = documentOf(3)
let folder = ''
let count = 0
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-keeper-'))
})
after(() => rm(folder, { recursive: true, force: true }))

function version(term: number, rev: number): ClusterDocument {
  return { ...structuredClone(BASE), term, rev }
}

function keeperOf(document: ClusterDocument) {
  const path = join(folder, `${++count}.json`)
  const keeper = new DocumentKeeper(path, 1, document)
  const seen: number[] = []
  keeper.onChange((changed) => seen.push(changed.rev))
  return { keeper, path, seen }
}

test('a prepared document is on disk but not shown before it is committed', async () => {
  const { keeper, path, seen } = keeperOf(version(1, 1))
  assert.equal(await keeper.prepare(version(1, 2)), true)
  assert.equal(keeper.current.rev, 1)
  assert.equal(keeper.newest.rev, 2)
  assert.equal((await readDocumentFile(path))?.document.rev, 2)
  assert.deepEqual(seen, [])
  assert.equal(keeper.commit({ term: 1, rev: 2 }), true)
  assert.equal(keeper.current.rev, 2)
  assert.deepEqual(seen, [2])
})

test('an older proposal is refused, the same one may be repeated', async () => {
  const { keeper } = keeperOf(version(2, 1))
  assert.equal(await keeper.prepare(version(1, 9)), false)
  assert.equal(await keeper.prepare(version(2, 3)), true)
  assert.equal(await keeper.prepare(version(2, 2)), false)
  assert.equal(await keeper.prepare(version(2, 3)), true)
  assert.equal(keeper.newest.rev, 3)
})

test('a document that is not here cannot be committed: it must be fetched', async () => {
  const { keeper } = keeperOf(version(1, 1))
  await keeper.prepare(version(1, 2))
  assert.equal(keeper.commit({ term: 1, rev: 3 }), false)
  assert.equal(keeper.commit({ term: 2, rev: 2 }), false)
  assert.equal(keeper.current.rev, 1)
  assert.equal(keeper.newest.rev, 2)
})

test('committing what is committed, or older, changes nothing', async () => {
  const { keeper, seen } = keeperOf(version(2, 5))
  assert.equal(keeper.commit({ term: 2, rev: 5 }), true)
  assert.equal(keeper.commit({ term: 1, rev: 9 }), true)
  assert.deepEqual(seen, [])
})

test('what a dead leader had prepared is where the next one starts', async () => {
  const { keeper } = keeperOf(version(1, 1))
  await keeper.prepare(version(1, 2))
  assert.equal(await keeper.prepare({ ...keeper.newest, term: 2, rev: 3 }), true)
  assert.equal(keeper.commit({ term: 2, rev: 3 }), true)
  assert.equal(keeper.newest, keeper.current)
})

test('a fetched document is taken over, never an older one', async () => {
  const { keeper, path, seen } = keeperOf(version(1, 5))
  await keeper.install(version(1, 4))
  await keeper.install(version(2, 1))
  assert.deepEqual(seen, [1])
  assert.equal(keeper.current.term, 2)
  assert.equal((await readDocumentFile(path))?.document.term, 2)
})

test('of documents fetched at one time the newest stays', async () => {
  const { keeper, path, seen } = keeperOf(version(1, 1))
  await Promise.all([3, 5, 2, 4].map((rev) => keeper.install(version(1, rev))))
  assert.equal(keeper.current.rev, 5)
  assert.equal((await readDocumentFile(path))?.document.rev, 5)
  assert.deepEqual(
    seen,
    [...seen].sort((a, b) => a - b),
  )
})

test('a document that was promised stays on disk when an older one is fetched', async () => {
  const { keeper, path } = keeperOf(version(1, 1))
  await keeper.prepare(version(1, 3))
  await keeper.install(version(1, 2))
  assert.equal(keeper.current.rev, 2)
  assert.equal((await readDocumentFile(path))?.document.rev, 3)
  assert.equal(keeper.commit({ term: 1, rev: 3 }), true)
})

test('joining another cluster drops what was prepared, whatever the versions say', async () => {
  const { keeper, path } = keeperOf(version(7, 1))
  await keeper.prepare(version(7, 2))
  const other = { ...version(1, 1), uuid: 'other' }
  await keeper.replace(3, other)
  assert.equal(keeper.self, 3)
  assert.equal(keeper.newest.uuid, 'other')
  assert.deepEqual(await readDocumentFile(path), { self: 3, document: other })
  assert.equal(keeper.selfMember?.id, 3)
})

test('the document of an earlier cluster, arriving late, is neither taken over nor promised', async () => {
  const { keeper, path } = keeperOf(version(3, 7))
  const alone = { ...documentOf(1), uuid: 'another' }
  const leaving = keeper.replace(1, alone)
  await Promise.all([leaving, keeper.install(version(3, 8))])
  await keeper.install(version(3, 9))
  assert.equal(await keeper.prepare(version(3, 10)), false)
  assert.equal(keeper.current.uuid, 'another')
  assert.equal(keeper.newest.uuid, 'another')
  assert.equal((await readDocumentFile(path))?.document.uuid, 'another')
})
