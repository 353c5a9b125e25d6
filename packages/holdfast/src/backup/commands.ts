/**
 * `backup`, `restore`, `export`, `import`: copies of a bucket's data in files. The command line
 * only; copy-runs.ts does the work and is loaded when one of them runs.
 */
import type { ClusterCommand, OptionRow } from '../cluster/command.ts'
import { RATE_DEFAULT } from './copy-rate.ts'

const bucketRow = (description: string, required = true): OptionRow => ({
  flags: '--bucket <name>',
  description,
  required,
})
const RATE: OptionRow = {
  flags: '--rate <MB/s>',
  description: 'megabytes per second at most, so that clients do not suffer',
  default: RATE_DEFAULT,
}
const MODE: OptionRow = {
  flags: '--mode <mode>',
  description: 'overwrite what is there, or add only what is not',
  choices: ['overwrite', 'add'],
  default: 'overwrite',
}

export const copyCommands: readonly ClusterCommand[] = [
  {
    name: 'backup',
    group: 'Copies of data',
    description: 'copy a bucket into files while it serves; never overwrites',
    options: [
      bucketRow('the bucket'),
      { flags: '--to <folder>', description: 'an empty or new folder', required: true },
      { flags: '--resume', description: 'go on with an unfinished backup' },
      RATE,
    ],
    run: async (context) => (await import('./copy-runs.ts')).runBackup(context),
  },
  {
    name: 'restore',
    group: 'Copies of data',
    description: 'write the items of a backup into a bucket; checks every file first',
    options: [
      { flags: '--from <folder>', description: 'folder of a finished backup', required: true },
      bucketRow('where to; the bucket that was backed up unless given', false),
      MODE,
      { flags: '--check', description: 'check the files, write nothing' },
      RATE,
    ],
    run: async (context) => (await import('./copy-runs.ts')).runRestore(context),
  },
  {
    name: 'export',
    group: 'Copies of data',
    description: 'write a bucket as JSON lines; never overwrites',
    options: [
      bucketRow('the bucket'),
      { flags: '--to <file>', description: 'a new file; - is standard output', required: true },
      RATE,
    ],
    run: async (context) => (await import('./copy-runs.ts')).runExport(context),
  },
  {
    name: 'import',
    group: 'Copies of data',
    description: 'write JSON lines into a bucket',
    options: [
      bucketRow('the bucket'),
      { flags: '--from <file>', description: 'JSON lines; - is standard input', required: true },
      MODE,
      RATE,
    ],
    run: async (context) => (await import('./copy-runs.ts')).runImport(context),
  },
]
