/**
 * An operation that is carried out by other operations: flush_all by every shard, a routing policy
 * by the pools it chooses. The children are on the parent's time: when the parent is settled, at
 * its deadline say, those without an outcome are given up.
 */
import { Operation, type OperationAccountant, type Upstream } from './operation.ts'
import { Outcome } from './outcome.ts'

/** Told of each child's outcome while the parent is undecided. */
export type ForkWatcher = (child: Operation, fork: Fork) => void

export class Fork implements Upstream, OperationAccountant {
  readonly parent: Operation
  readonly readsOutstanding: Int32Array
  readonly writesOutstanding: Int32Array
  readonly #watcher: ForkWatcher
  readonly #children: Operation[] = []
  #unsettled = 0

  constructor(parent: Operation, watcher: ForkWatcher) {
    this.parent = parent
    this.#watcher = watcher
    this.readsOutstanding = parent.upstream.readsOutstanding
    this.writesOutstanding = parent.upstream.writesOutstanding
    parent.accountTo(this)
  }

  /** The children, in the order they were made. */
  get children(): readonly Operation[] {
    return this.#children
  }

  /** Children without an outcome. */
  get unsettled(): number {
    return this.#unsettled
  }

  /** A child that asks for what the parent asks; change it before it is submitted. */
  child(): Operation {
    const child = new Operation(this, this.parent.deadlineMs).copy(this.parent)
    this.#children.push(child)
    this.#unsettled++
    return child
  }

  /**
   * One child for each of `targets`, given to it by `submit`. All are made before the first is
   * submitted: a target that answers at once must not look like the last of them.
   */
  spread<T>(targets: readonly T[], submit: (child: Operation, target: T) => void): void {
    const children = targets.map(() => this.child())
    for (const [index, child] of children.entries()) submit(child, targets[index] as T)
  }

  /** Settles the parent as `child` was settled. */
  answerWith(child: Operation): void {
    if (this.parent.settled) return
    this.parent.decideAs(child)
    this.parent.settle()
  }

  slotSettled(slot: unknown): void {
    this.#unsettled--
    if (!this.parent.settled) this.#watcher(slot as Operation, this)
  }

  operationSettled(parent: Operation): void {
    for (const child of this.#children) {
      if (!child.settled) child.fail(parent.line === '' ? ABANDONED_LINE : parent.line)
    }
  }
}

/** Settles the parent once all children are: with the first failure, else as the first child. */
export function answerWhenAll(_child: Operation, fork: Fork): void {
  if (fork.unsettled > 0) return
  const failed = fork.children.find((child) => child.outcome >= Outcome.Refused)
  const answer = failed ?? fork.children[0]
  if (answer !== undefined) fork.answerWith(answer)
}

/** Line of a child whose parent was answered without it; nobody is sent it. */
const ABANDONED_LINE = 'SERVER_ERROR proxy answered without this server'
