// Writes the differences pages anew: node packages/session/src/test-support/write-pages.ts
import { writeFile } from 'node:fs/promises'
import { differencesReference, differencesUrl } from './express-conformance/differences.ts'
import { fastifyPage, fastifyPageUrl } from './fastify-page.ts'
import { koaPage, koaPageUrl } from './koa-page.ts'
import { testListPage, testListUrl } from './original-test-list.ts'

await writeFile(fastifyPageUrl, fastifyPage())
await writeFile(koaPageUrl, koaPage())
await writeFile(differencesUrl, differencesReference())
await writeFile(testListUrl, testListPage())
