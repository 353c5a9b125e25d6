// The public face of @holdfast/topology: where keys live, as pure functions.

export * from './bucket-config.ts'
export * from './build-bucket-config.ts'
export * from './config-error.ts'
export * from './crc16.ts'
export * from './crc32.ts'
export * from './ketama.ts'
export * from './parse-bucket-config.ts'
export * from './placement.ts'
export * from './pool-config.ts'
export * from './shards.ts'
export * from './stream-framing.ts'
export * from './vbucket.ts'
