/** The root disk of all experiments: one, so that what takes minutes is made once for all of them. */
import { ensureGuestDisk, type GuestDisk } from '../guest/disk.ts';
import { guestFiles } from './bank/guest-files.ts';
import { compileFiles } from './compile/files.ts';

export const ensureExperimentDisk = (
  progress: (line: string) => void = () => undefined,
): Promise<GuestDisk> => ensureGuestDisk({ files: [...compileFiles(), ...guestFiles()], progress });
