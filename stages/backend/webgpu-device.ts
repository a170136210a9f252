/** Dawn, the WebGPU of Chromium, as a device inside Node: an addon of npm's package `webgpu`. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { err, ok, type Result } from '../../schemas/result.js';
import { dawnAddon, dawnVersion } from './places.js';

/** The parts of WebGPU that are used here; TensorFlow.js's backend brings no types for them. */
export interface GpuBuffer {
  readonly size: number;
  readonly mapState: 'unmapped' | 'pending' | 'mapped';
  mapAsync(mode: number): Promise<void>;
  getMappedRange(): ArrayBuffer;
  unmap(): void;
  destroy(): void;
}

export interface GpuDevice {
  addEventListener(type: 'uncapturederror', listener: (event: { error: { message: string } }) => void): void;
}

export interface GpuAdapter {
  readonly info: Readonly<Record<'vendor' | 'architecture' | 'device' | 'description', string>>;
  readonly limits: Readonly<Record<string, number>>;
  requestDevice(descriptor: {
    readonly requiredLimits: Readonly<Record<string, number>>;
  }): Promise<GpuDevice>;
}

interface Gpu {
  requestAdapter(options: { readonly powerPreference: 'high-performance' }): Promise<GpuAdapter | null>;
}

export interface Dawn {
  readonly gpu: Gpu;
  readonly adapter: GpuAdapter;
  readonly device: GpuDevice;
  /** The first error that no call reported: wrong programs, no memory left. */
  readonly failure: () => string | undefined;
}

/** Limits to raise from their defaults to what the adapter has: the sizes of buffers, and of what a program reads. */
const raised = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeWorkgroupsPerDimension',
  'maxComputeWorkgroupSizeX',
  'maxComputeInvocationsPerWorkgroup',
];

let opened: Promise<Result<Dawn, string>> | undefined;

/** Opens the fastest adapter, once a process. */
export function openDawn(): Promise<Result<Dawn, string>> {
  return (opened ??= open());
}

async function open(): Promise<Result<Dawn, string>> {
  const path = dawnAddon();
  if (!existsSync(path))
    return err(`Dawn ${dawnVersion} is not installed; run \`moft backend install webgpu\``);
  catchTicks();
  const dawn = createRequire(import.meta.url)(path) as { create(flags: string[]): Gpu; globals: object };
  Object.assign(globalThis, dawn.globals);
  const gpu = dawn.create([]);
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter)
    return err(
      'Dawn finds no adapter: it needs a graphics card with a driver for Vulkan, Metal or Direct3D 12',
    );
  const requiredLimits = Object.fromEntries(raised.map((name) => [name, adapter.limits[name] ?? 0]));
  const device = await adapter.requestDevice({ requiredLimits });
  let failure: string | undefined;
  device.addEventListener('uncapturederror', ({ error }) => (failure ??= error.message));
  return ok({ gpu, adapter, device, failure: () => failure });
}

/** Card and driver: what a record says of the hardware. */
export function adapterName({ info }: GpuAdapter): string {
  return [info.device, info.description].filter((part) => part !== '').join(', ');
}

type Tick = () => void;
const ticks = new Set<Tick>();

/**
 * Dawn looks for finished work in callbacks that it hands to the global setImmediate. They are noted on their way,
 * so that `tick` can run them at once: TensorFlow.js reads tensors synchronously, without a turn of the event loop.
 */
function catchTicks(): void {
  const later = globalThis.setImmediate;
  const noting = (callback: (...args: unknown[]) => void, ...args: unknown[]): NodeJS.Immediate => {
    if (!isNative(callback)) return later(callback, ...args);
    const tick: Tick = () => {
      if (ticks.delete(tick)) callback(...args);
    };
    ticks.add(tick);
    return later(tick);
  };
  globalThis.setImmediate = Object.assign(noting, later) as unknown as typeof setImmediate;
}

function isNative(callback: unknown): boolean {
  return (
    typeof callback === 'function' && Function.prototype.toString.call(callback).includes('[native code]')
  );
}

/** Lets Dawn look for finished work now. */
export function tick(): void {
  for (const each of [...ticks]) each();
}
