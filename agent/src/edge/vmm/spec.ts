/** A VM spec as people write it (YAML) to the spec that nodes exchange: sizes with units, defaults, all faults at once. */
import { createHash } from 'node:crypto';
import { Bad, type VmSpec, vmSpec } from '@shoal/protocol';
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { ShoalError } from '../../errors.ts';

// Plain JSON Schema, typed by hand: TypeBox would be 373 modules in every agent.
type SpecFile = {
  name: string;
  memory: string;
  vcpus?: number;
  driver?: VmSpec['driver'];
  machine?: VmSpec['machine'];
  boot?: { kernel: string; initrd?: string; cmdline?: string };
  disks?: { id?: string; path?: string; nbd?: string; format?: 'raw' | 'qcow2'; readOnly?: boolean }[];
  nics?: { id?: string; bridge: string; mac?: string }[];
  channels?: string[];
  labels?: Record<string, string>;
  migration?: VmSpec['migration'];
  crash?: VmSpec['crash'];
};

const object = (properties: Record<string, object>, ...required: string[]) => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});
const text = (maxLength: number, minLength = 0) => ({ type: 'string', minLength, maxLength });
const like = (pattern: string) => ({ type: 'string', pattern });
const oneOf = (...values: string[]) => ({ type: 'string', enum: values });
const list = (items: object, maxItems: number) => ({ type: 'array', items, maxItems });

const id = like('^[a-z][a-z0-9-]{0,30}$');
const disk = object({
  id,
  path: text(1024, 1),
  nbd: text(1024, 1),
  format: oneOf('raw', 'qcow2'),
  readOnly: { type: 'boolean' },
});
const nic = object(
  {
    id,
    bridge: like('^[A-Za-z0-9._-]{1,15}$'),
    mac: like('^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$'),
  },
  'bridge',
);

export const SpecSchema = object(
  {
    name: like('^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$'),
    memory: like('^[0-9]+ ?(MiB|GiB|M|G)$'),
    vcpus: { type: 'integer', minimum: 1, maximum: 255 },
    driver: oneOf('qemu', 'micro'),
    machine: oneOf('pc', 'q35', 'microvm'),
    boot: object({ kernel: text(1024, 1), initrd: text(1024), cmdline: text(2048) }, 'kernel'),
    disks: list(disk, 16),
    nics: list(nic, 8),
    channels: list(id, 3),
    labels: { type: 'object', propertyNames: { maxLength: 63 }, additionalProperties: text(63) },
    migration: oneOf('postcopy', 'precopy', 'qemu-postcopy', 'never'),
    crash: oneOf('restart', 'leave'),
  },
  'name',
  'memory',
);

/** Less boots no kernel that there is. */
const MEMORY_MIN_MIB = 16;

let compiled: ValidateFunction<SpecFile> | undefined;
/** Compiled when the first spec comes: most nodes are given none for long. */
const check = (): ValidateFunction<SpecFile> => {
  compiled ??= new Ajv({ allErrors: true, verbose: false }).compile<SpecFile>(SpecSchema);
  return compiled;
};

/** Throws one SHOAL_VM_SPEC with every fault: what, where in the file. `uuid` is the new VM's id. */
export function parseVmSpec(value: unknown, uuid: string): VmSpec {
  const valid = check();
  const faults = valid(value) ? [] : inWords(valid.errors ?? []);
  if (faults.length > 0) throw specFault(value, faults);
  const given = value as SpecFile;
  const spec = specOf(given, uuid);
  for (const [i, disk] of (given.disks ?? []).entries()) {
    if ((disk.path === undefined) === (disk.nbd === undefined))
      faults.push(`disks.${i} wants either path or nbd`);
  }
  if (spec.memoryMib < MEMORY_MIN_MIB) faults.push(`memory is ${MEMORY_MIN_MIB}MiB at least`);
  const unfit = wireFault(spec);
  if (unfit) faults.push(unfit);
  if (faults.length > 0) throw specFault(value, faults);
  return spec;
}

function specFault(value: unknown, faults: string[]): ShoalError {
  const name = (value as { name?: unknown } | null)?.name;
  const where = typeof name === 'string' ? name : 'VM spec';
  const what = [...new Set(faults)].join('; ');
  return new ShoalError('SHOAL_VM_SPEC', what, where, 'Mend the spec and run it again');
}

/** A VM that no peer would understand could never be moved: lengths in bytes, control characters, sizes. */
function wireFault(spec: VmSpec): string | undefined {
  try {
    vmSpec.read(vmSpec.write(spec), '');
    return undefined;
  } catch (error) {
    if (error instanceof Bad) return error.message;
    throw error;
  }
}

function specOf(given: SpecFile, uuid: string): VmSpec {
  return {
    vm: uuid,
    name: given.name,
    driver: (given.driver ?? 'qemu') as VmSpec['driver'],
    memoryMib: mebibytes(given.memory),
    vcpus: given.vcpus ?? 1,
    machine: (given.machine ?? 'pc') as VmSpec['machine'],
    kernel: given.boot?.kernel ?? '',
    initrd: given.boot?.initrd ?? '',
    cmdline: given.boot?.cmdline ?? '',
    disks: (given.disks ?? []).map((disk, i) => ({
      id: disk.id ?? `disk${i}`,
      kind: disk.nbd === undefined ? 'file' : 'nbd',
      source: disk.nbd ?? disk.path ?? '',
      format: disk.format ?? 'raw',
      readOnly: disk.readOnly ?? false,
    })),
    nics: (given.nics ?? []).map((nic, i) => ({
      id: nic.id ?? `nic${i}`,
      bridge: nic.bridge,
      mac: nic.mac ?? macOf(uuid, i),
    })),
    channels: given.channels ?? [],
    labels: given.labels ?? {},
    migration: (given.migration ?? 'postcopy') as VmSpec['migration'],
    crash: (given.crash ?? 'restart') as VmSpec['crash'],
  };
}

function mebibytes(text: string): number {
  const amount = Number.parseInt(text, 10);
  return /G/.test(text) ? amount * 1024 : amount;
}

/** Locally administered, unicast, the same on every node for the life of the VM. */
function macOf(uuid: string, index: number): string {
  const hash = createHash('sha256').update(`${uuid}/${index}`).digest();
  return [0x52, 0x54, ...hash.subarray(0, 4)].map(byte => byte.toString(16).padStart(2, '0')).join(':');
}

/** By the key's name: what it must be, where a pattern would tell people nothing. */
const FORMS: Record<string, string> = {
  memory: 'a size such as 512MiB or 2GiB',
  name: 'of letters, digits, dots and dashes, 63 at most',
  id: 'of small letters, digits and dashes, 31 at most',
  mac: 'six pairs of small hex digits that are no group address, such as 52:54:00:12:34:56',
  bridge: 'the name of a network device',
};

function inWords(errors: ErrorObject[]): string[] {
  return errors.flatMap(error => {
    const path = error.instancePath.replace(/^\//, '').replaceAll('/', '.');
    const at = path || 'the spec';
    const form = FORMS[path.split('.').at(-1) ?? ''];
    switch (error.keyword) {
      case 'additionalProperties':
        return [`${at} has an unknown key ${error.params.additionalProperty}`];
      case 'required':
        return [`${at} lacks ${error.params.missingProperty}`];
      case 'enum':
        return [`${at} is none of ${error.params.allowedValues.join(', ')}`];
      case 'type':
      case 'pattern':
        if (form) return [`${at} is not ${form}`];
    }
    return [`${at} ${error.message}`];
  });
}
