export { ENGINE_LIBRARY, type EngineLibrary } from './engine-functions.ts'
