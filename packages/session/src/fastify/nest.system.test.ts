import 'reflect-metadata'
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { MemcachedProcess } from '@holdfast/client/testing'
import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  Module,
  Session,
  UseGuards,
} from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify'
import type { FastifyRequest } from 'fastify'
import { Browser } from '../test-support/test-site.ts'
import { fastifySession } from './index.ts'

type Counted = FastifyRequest['session'] & { count?: number }

/** A guard runs after middleware and before the handler. */
class NeedsSession implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<FastifyRequest>()
    return typeof request.session.sessionId === 'string'
  }
}

class CountController {
  count(session: Counted): { count: number } {
    session.count = (session.count ?? 0) + 1
    return { count: session.count }
  }

  async login(session: Counted): Promise<object> {
    await session.regenerate(['count'])
    return {}
  }
}

class AppModule {}

/** Node runs no decorator syntax, so the decorators are called. */
function decorate(): void {
  for (const [name, path] of [
    ['count', '/count'],
    ['login', '/login'],
  ] as const) {
    const property = Object.getOwnPropertyDescriptor(CountController.prototype, name)
    if (property === undefined) throw new TypeError(`no method ${name}`)
    Get(path)(CountController.prototype, name, property)
    Session()(CountController.prototype, name, 0)
  }
  UseGuards(NeedsSession)(CountController)
  Controller()(CountController)
  Module({ controllers: [CountController] })(AppModule)
}

async function startNest(t: TestContext, memcachedNodes: string): Promise<string> {
  const app = await NestFactory.create<NestFastifyApplication>(AppModule, new FastifyAdapter(), {
    logger: false,
  })
  await app.register(
    fastifySession as never,
    {
      memcachedNodes,
      sticky: false,
      secret: 'a secret of at least thirty-two characters',
      cookie: { secure: false },
    } as never,
  )
  await app.listen(0, '127.0.0.1')
  t.after(() => app.close())
  return app.getUrl()
}

test('NestJS on Fastify: guards and handlers see the session, on any of two servers', async (t) => {
  const store = await MemcachedProcess.start()
  t.after(() => store.kill())
  decorate()
  const urls = [await startNest(t, store.address), await startNest(t, store.address)]
  const browser = new Browser()
  for (const expected of [1, 2, 3, 4]) {
    const page = await browser.get(`${urls[expected % 2]}/count`)
    assert.deepEqual(page.json, { count: expected })
  }
  const before = browser.cookies.get('sessionId')
  await browser.get(`${urls[0]}/login`)
  assert.notEqual(browser.cookies.get('sessionId'), before)
  assert.deepEqual((await browser.get(`${urls[1]}/count`)).json, { count: 5 })
})
