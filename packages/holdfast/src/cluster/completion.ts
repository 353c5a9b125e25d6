/**
 * Shell completion: `holdfast complete SHELL` prints the script of a shell, and what that script
 * asks for while somebody types. Commands, options and the values that an option is limited to come
 * from the command line itself.
 */
import tab from '@bomb.sh/tab/commander'
import type { Command } from 'commander'

/** To be called when all other commands are there. */
export function registerCompletion(program: Command): void {
  tab(program)
}
