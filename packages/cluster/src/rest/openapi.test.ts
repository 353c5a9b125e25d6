import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { Validator } from '@seriousme/openapi-schema-validator'
import { OPENAPI_FILE, openApiDocument, openApiText, pathOf } from './openapi.ts'
import { publicRoutes } from './rest-server.ts'

type Operations = Record<string, Record<string, { operationId: string; responses: object }>>

test('the file is what the routes say', () => {
  assert.equal(
    readFileSync(OPENAPI_FILE, 'utf8'),
    openApiText(),
    'write it anew: node packages/cluster/src/rest/openapi.ts',
  )
})

test('it is valid OpenAPI 3.1', async () => {
  const validator = new Validator()
  const { valid, errors } = await validator.validate(openApiDocument())
  assert.ok(valid, JSON.stringify(errors, null, 1))
  assert.equal(validator.version, '3.1')
})

test('every public route is in it, each with an id of its own', () => {
  const paths = openApiDocument().paths as Operations
  const ids = new Set<string>()
  for (const route of publicRoutes) {
    const operation = paths[pathOf(route)]?.[route.method.toLowerCase()]
    assert.ok(operation, `${route.method} ${route.path}`)
    ids.add(operation.operationId)
    assert.ok(Object.keys(operation.responses).length > 0, route.path)
  }
  assert.equal(ids.size, publicRoutes.length)
})

test('every parameter is described, once', () => {
  for (const { method, path, parameters = [] } of publicRoutes) {
    for (const { name, about } of parameters) {
      assert.ok(about.length > 3, `${method} ${path}: ${name}`)
    }
    const names = parameters.map((one) => `${one.in} ${one.name}`)
    assert.equal(new Set(names).size, names.length, `${method} ${path}`)
    const inPath = parameters.filter((one) => one.in === 'path')
    for (const { name } of inPath) assert.ok(path.includes(`:${name}`), `${path}: ${name}`)
  }
})
