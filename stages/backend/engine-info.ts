/** The engines by name, and what is known of one that runs; light, so that a command line is checked without loading any. */
export const engineNames = ['wasm', 'tensorflow', 'webgpu', 'cpu'] as const;
export type EngineName = (typeof engineNames)[number];

export function isEngineName(name: string): name is EngineName {
  return (engineNames as readonly string[]).includes(name);
}

export interface EngineInfo {
  readonly backend: EngineName;
  /** Of TensorFlow.js, and of the library below it. */
  readonly version: string;
  /** 0: the engine decides. */
  readonly threads: number;
  /** The graphics card, where the engine names it. */
  readonly device?: string;
  /** What was to come before it and failed. */
  readonly note?: string;
}
