/*
 * A small NestJS application (on Express) with Holdfast sessions: it counts your visits.
 *
 *   MEMCACHED_NODES=localhost:11311 PORT=3000 node examples/nestjs/server.ts
 *
 * Decorators are applied as functions here, because Node runs this file as it is and does not know
 * their syntax; the README shows the controller as you would write it.
 */
import 'reflect-metadata'
import type { AddressInfo } from 'node:net'
import session from '@holdfast/session/express'
import { Controller, Get, type INestApplication, Module, Post, Query, Req } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import type { Request } from 'express'

interface Answer {
  count: number
  user: string | null
  app: string
}

const app = process.env.APP_NAME ?? 'app1'

const sessions = session({
  memcachedNodes: process.env.MEMCACHED_NODES ?? 'localhost:11311',
  // A real application reads its secret from where it keeps its other secrets.
  secret: process.env.SESSION_SECRET ?? 'holdfast-example-secret',
  // Any application server may answer any request.
  sticky: false,
})

class VisitController {
  count(request: Request): Answer {
    request.session.count = Number(request.session.count ?? 0) + 1
    return answerOf(request)
  }

  async login(request: Request, user: string): Promise<Answer> {
    // A fresh id at login: an id planted before it is worth nothing.
    await request.session.regenerate({ keep: ['count'] })
    request.session.user = user
    return answerOf(request)
  }

  async logout(request: Request): Promise<{ user: null }> {
    await request.session.destroy()
    return { user: null }
  }

  async health(): Promise<object> {
    return await sessions.health()
  }
}

function answerOf({ session: { count, user } }: Request): Answer {
  return { count: Number(count ?? 0), user: typeof user === 'string' ? user : null, app }
}

decorate('count', Get('count'), [Req()])
decorate('login', Post('login'), [Req(), Query('user')])
decorate('logout', Post('logout'), [Req()])
decorate('health', Get('health'), [])
Controller()(VisitController)

class AppModule {}
Module({ controllers: [VisitController] })(AppModule)

/** What `@Get('count') count(@Req() request)` says. */
function decorate(
  name: keyof VisitController,
  method: MethodDecorator,
  parameters: readonly ParameterDecorator[],
): void {
  const { prototype } = VisitController
  for (const [at, parameter] of parameters.entries()) parameter(prototype, name, at)
  const descriptor = Object.getOwnPropertyDescriptor(prototype, name)
  if (descriptor !== undefined) method(prototype, name, descriptor)
}

const nest: INestApplication = await NestFactory.create(AppModule, { logger: ['error', 'warn'] })
nest.use(sessions)
await nest.listen(Number(process.env.PORT ?? 3000), process.env.HOST ?? '127.0.0.1')
const { port } = nest.getHttpServer().address() as AddressInfo
process.stdout.write(`listening on ${port}\n`)

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    void nest
      .close()
      .then(() => sessions.close())
      .then(() => process.exit(0))
  })
}
