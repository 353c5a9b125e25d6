/**
 * The few C functions that the io_uring socket layer needs, called through the runtime's foreign
 * function interface (`node:ffi`, Node 26 and later). Where that is missing, or the kernel or a
 * seccomp profile does not allow io_uring, `openSystemCalls` or the ring's set-up says why, and the
 * portable layer serves.
 *
 * Addresses are plain numbers: user space fits into 47 bits.
 */
import type * as Ffi from 'node:ffi'

const SYS_IO_URING_SETUP = 425
const SYS_IO_URING_ENTER = 426
const SYS_IO_URING_REGISTER = 427
const PROT_READ_WRITE = 3
const MAP_SHARED_POPULATE = 0x8001
const SHUT_RDWR = 2

/** System calls; each answers -1 (or less than 0) on failure. */
export interface SystemCalls {
  setup(entries: number, params: bigint): number
  /** `io_uring_enter`; `argument` points to the extended argument. */
  enter(fd: number, submit: number, wait: number, flags: number, argument: bigint): number
  register(fd: number, opcode: number, argument: bigint, count: number): number
  /** Maps a part of a ring into memory; undefined when that fails. */
  map(fd: number, bytes: number, offset: bigint): ArrayBuffer | undefined
  duplicate(fd: number): number
  shutdown(fd: number): void
  close(fd: number): void
  /** The file descriptor on which this thread's event loop waits. */
  eventLoopFd(): number
  /** Where an ArrayBuffer's bytes are. */
  addressOf(buffer: ArrayBufferLike): number
}

/** Size of the extended argument; wide, since what lies above a narrow one on the stack counts. */
const ENTER_ARGUMENT_BYTES = 24n

/** Binds the functions, or tells why that is not possible. */
export function openSystemCalls(): SystemCalls | string {
  if (process.platform !== 'linux') return 'io_uring is part of Linux'
  // Not an import: on older runtimes the module does not exist.
  const ffi = process.getBuiltinModule('node:ffi') as typeof Ffi | undefined
  if (ffi === undefined) return `this runtime (${process.version}) has no node:ffi`
  try {
    return bind(ffi)
  } catch (error) {
    return `node:ffi: ${error instanceof Error ? error.message : String(error)}`
  }
}

function bind(ffi: typeof Ffi): SystemCalls {
  const i = 'int32'
  const u = 'uint32'
  const p = 'uint64'
  // A symbol has one signature per library object, and `syscall` is needed with three.
  const own = (): Ffi.DynamicLibrary => new ffi.DynamicLibrary(null as unknown as string)
  const library = own()
  const setup = own().getFunction('syscall', { arguments: [i, u, p], return: i })
  const enterSignature = { arguments: [i, i, u, u, u, p, p], return: i } as const
  const enter = own().getFunction('syscall', enterSignature)
  const register = own().getFunction('syscall', { arguments: [i, i, u, p, u], return: i })
  const mmap = library.getFunction('mmap', { arguments: [p, p, i, i, i, p], return: p })
  const dup = library.getFunction('dup', { arguments: [i], return: i })
  const shutdown = library.getFunction('shutdown', { arguments: [i, i], return: i })
  const close = library.getFunction('close', { arguments: [i], return: i })
  const backendFd = library.getFunction('uv_backend_fd', { arguments: [p], return: i })
  return {
    setup: (entries, params) => setup(SYS_IO_URING_SETUP, entries, params),
    enter: (fd, submit, wait, flags, argument) =>
      enter(SYS_IO_URING_ENTER, fd, submit, wait, flags, argument, ENTER_ARGUMENT_BYTES),
    register: (fd, opcode, argument, count) =>
      register(SYS_IO_URING_REGISTER, fd, opcode, argument, count),
    map(fd, bytes, offset) {
      const at = mmap(0n, BigInt(bytes), PROT_READ_WRITE, MAP_SHARED_POPULATE, fd, offset)
      if (at === 2n ** 64n - 1n) return undefined
      return ffi.toArrayBuffer(at, bytes, false)
    },
    duplicate: (fd) => dup(fd),
    shutdown: (fd) => void shutdown(fd, SHUT_RDWR),
    close: (fd) => void close(fd),
    eventLoopFd: () => backendFd(ffi.getCurrentEventLoop()),
    addressOf: (buffer) => Number(ffi.getRawPointer(buffer as ArrayBuffer)),
  }
}
