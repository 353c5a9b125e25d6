// Test support for packages that put a backend to work over real engines.

export { engineBucketJson } from './engine-bucket.ts'
export {
  engineProgram,
  freeEnginePort,
  freeze,
  startEngines,
  TEST_CREDENTIALS,
  type TestEngine,
  type TestEngines,
  type TestShard,
  until,
} from './engines.ts'
export { freePort } from './free-port.ts'
export { MemcachedProcess, memcachedInstalled } from './memcached-process.ts'
export { MemoryBackend } from './memory-backend.ts'
export { TextUpstream } from './text-upstream.ts'
export { makeCertificate, startValkeyCluster, ValkeyServer } from './valkey-servers.ts'
export {
  type VBucketConfigInput,
  VBucketConfigStream,
  vBucketConfigJson,
} from './vbucket-config-stream.ts'
export { VBucketServer, type VBucketServerOptions } from './vbucket-server.ts'
