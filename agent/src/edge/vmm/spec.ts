/** A VM spec as people write it (YAML) to the spec that nodes exchange: sizes with units, defaults, all faults at once. */
import { createHash } from 'node:crypto';
import type { VmSpec } from '@shoal/protocol';
import { Ajv, type ErrorObject } from 'ajv';
import { type Static, Type } from 'typebox';
import { ShoalError } from '../../errors.ts';

const closed = { additionalProperties: false };
const id = Type.String({ pattern: '^[a-z][a-z0-9-]{0,30}$' });
const Disk = Type.Object(
  {
    id: Type.Optional(id),
    path: Type.Optional(Type.String({ minLength: 1, maxLength: 1024 })),
    nbd: Type.Optional(Type.String({ minLength: 1, maxLength: 1024 })),
    format: Type.Optional(Type.Union([Type.Literal('raw'), Type.Literal('qcow2')])),
    readOnly: Type.Optional(Type.Boolean()),
  },
  closed,
);
const Nic = Type.Object(
  {
    id: Type.Optional(id),
    bridge: Type.String({ pattern: '^[A-Za-z0-9._-]{1,15}$' }),
    mac: Type.Optional(Type.String({ pattern: '^[0-9a-f]{2}(:[0-9a-f]{2}){5}$' })),
  },
  closed,
);
const oneOf = (...values: string[]) => Type.Union(values.map(v => Type.Literal(v)));
export const SpecSchema = Type.Object(
  {
    name: Type.String({ pattern: '^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$' }),
    memory: Type.String({ pattern: '^[0-9]+ ?(MiB|GiB|M|G)$' }),
    vcpus: Type.Optional(Type.Integer({ minimum: 1, maximum: 255 })),
    driver: Type.Optional(oneOf('qemu', 'micro')),
    machine: Type.Optional(oneOf('pc', 'q35', 'microvm')),
    boot: Type.Optional(
      Type.Object(
        {
          kernel: Type.String({ minLength: 1, maxLength: 1024 }),
          initrd: Type.Optional(Type.String({ maxLength: 1024 })),
          cmdline: Type.Optional(Type.String({ maxLength: 2048 })),
        },
        closed,
      ),
    ),
    disks: Type.Optional(Type.Array(Disk, { maxItems: 16 })),
    nics: Type.Optional(Type.Array(Nic, { maxItems: 8 })),
    channels: Type.Optional(Type.Array(id, { maxItems: 4 })),
    labels: Type.Optional(Type.Record(Type.String({ maxLength: 63 }), Type.String({ maxLength: 63 }))),
    migration: Type.Optional(oneOf('postcopy', 'precopy', 'never')),
    crash: Type.Optional(oneOf('restart', 'leave')),
  },
  closed,
);

const ajv = new Ajv({ allErrors: true, verbose: false });
const valid = ajv.compile(SpecSchema);

/** Throws one SHOAL_VM_SPEC with every fault: what, where in the file. `uuid` is the new VM's id. */
export function parseVmSpec(value: unknown, uuid: string): VmSpec {
  const faults = valid(value) ? [] : (valid.errors ?? []).flatMap(sentence);
  const given = value as Static<typeof SpecSchema>;
  const disks = faults.length === 0 ? (given.disks ?? []) : [];
  for (const [i, disk] of disks.entries()) {
    if ((disk.path === undefined) === (disk.nbd === undefined))
      faults.push(`disks[${i}] wants either path or nbd`);
  }
  if (faults.length) {
    const name = (value as { name?: unknown } | null)?.name;
    const where = typeof name === 'string' ? name : 'VM spec';
    throw new ShoalError(
      'SHOAL_VM_SPEC',
      [...new Set(faults)].join('; '),
      where,
      'Mend the spec and run it again',
    );
  }
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
    disks: disks.map((disk, i) => ({
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

function sentence(error: ErrorObject): string[] {
  const at = error.instancePath.replace(/^\//, '').replaceAll('/', '.') || 'the spec';
  if (error.keyword === 'additionalProperties')
    return [`${at} has an unknown key ${error.params.additionalProperty}`];
  if (error.keyword === 'required') return [`${at} lacks ${error.params.missingProperty}`];
  if (error.keyword === 'const') return [];
  if (error.keyword === 'anyOf') return [`${at} has a value that is not allowed`];
  if (error.keyword === 'pattern' && at === 'memory') return [`memory is a size such as 512MiB or 2GiB`];
  return [`${at} ${error.message}`];
}
