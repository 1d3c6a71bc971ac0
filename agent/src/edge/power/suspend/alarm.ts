/**
 * The alarm of last resort: the machine's own clock ends a sleep from which nobody wakes it (rtc(4), `wakealarm` of the
 * kernel's sysfs-class-rtc). An alarm that is armed must be cleared before another can be.
 */
import { writeFile } from 'node:fs/promises';

/** Many clocks have no alarm beyond a day (rtc-cmos): what is longer is cut to little less. */
const DAY_ALARM_S = 86_340;

export const rtcAlarm =
  (file = '/sys/class/rtc/rtc0/wakealarm') =>
  async (seconds: number): Promise<void> => {
    await writeFile(file, '0');
    if (seconds <= 0) return;
    await writeFile(file, `+${seconds}`).catch(async error => {
      if (seconds <= DAY_ALARM_S) throw error;
      await writeFile(file, `+${DAY_ALARM_S}`);
    });
  };

/** Of a machine without one, which its operator has said. */
export const noAlarm = async (): Promise<void> => undefined;
