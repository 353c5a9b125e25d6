/**
 * A few commands to one engine on a connection of their own: for questions of control (topology,
 * function library), off the path of operations.
 */
import { type RespReply, writeCommand } from '@holdfast/protocol'
import {
  EngineConnection,
  type EngineConnectionOwner,
  type EngineTarget,
} from './engine-connection.ts'
import type { Turn } from './turn.ts'

/** Longest time from the first command to the last reply. */
const ANSWER_TIMEOUT_MS = 1000

/** Resolves with one reply per command, error replies included; rejects when they do not come. */
export function queryEngine(
  target: EngineTarget,
  turn: Turn,
  commands: readonly (readonly string[])[],
): Promise<RespReply[]> {
  return new Promise((resolve, reject) => {
    const replies: RespReply[] = []
    const timeoutMs = target.connectTimeoutMs + ANSWER_TIMEOUT_MS
    const owner: EngineConnectionOwner = {
      engineReady: () => {
        for (const command of commands) writeCommand(connection.writer, command)
        connection.sent(commands.length)
      },
      engineReply: (reply) => {
        replies.push({ ...reply })
        if (replies.length === commands.length) finish()
      },
      engineClosed: (reason) => finish(reason),
    }
    const connection = new EngineConnection(target, turn, owner)
    const finish = (failure?: string): void => {
      clearTimeout(timer)
      connection.close()
      if (failure === undefined) resolve(replies)
      else reject(new Error(failure))
    }
    const timer = setTimeout(() => {
      finish(`engine ${target.address} did not answer within ${timeoutMs} ms`)
    }, timeoutMs)
  })
}
