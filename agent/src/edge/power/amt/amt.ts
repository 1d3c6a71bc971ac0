/** What is asked of an AMT: its power state, and to wake (CIM_PowerManagementService; Intel AMT SDK, "Change System Power State"). */
import { CIM, IPS } from '@device-management-toolkit/wsman-messages';
import { ShoalError } from '../../../errors.ts';
import { POWER_ON } from '../power-states.ts';
import type { Transport } from './transport.ts';
import { type Element, find, parseXml, textOf } from './xml.ts';

/** IPS_PowerManagementService: the host is on, its system saves power (Modern Standby). */
const OS_FULL = 2;
const OS_SAVING = 3;

const SOAP = 'http://www.w3.org/2003/05/soap-envelope';
const ENUMERATION = 'http://schemas.xmlsoap.org/ws/2004/09/enumeration';
const cimClass = (name: string) => `http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/${name}`;
const ipsClass = (name: string) => `http://intel.com/wbem/wscim/1/ips-schema/1/${name}`;
/** What it gives is put into our next request as it is. */
const CONTEXT = /^[A-Za-z0-9:._-]{1,128}$/;

export class Amt {
  readonly #transport: Transport;
  readonly #where: string;
  readonly #cim = new CIM.Messages();
  readonly #ips = new IPS.Messages();

  constructor(transport: Transport, where: string) {
    this.#transport = transport;
    this.#where = where;
  }

  /** As DSP1027 numbers it: 2 on, 4 asleep in S3, 8 off. */
  async state(signal: AbortSignal): Promise<number> {
    const { ServiceAvailableToElement: service } = this.#cim;
    const begun = await this.#ask(service.Enumerate(), signal);
    let context = textOf(find(begun, ENUMERATION, 'EnumerationContext'));
    // It may name another context although all was given: asked until the state is there, or none is named.
    for (let i = 0; i < PULLS_MAX && context !== ''; i++) {
      if (!CONTEXT.test(context)) throw this.#fault('it names no context that can be asked for');
      const pulled = await this.#ask(service.Pull(context), signal);
      const state = numberOf(find(pulled, cimClass('CIM_AssociatedPowerManagementService'), 'PowerState'));
      if (state !== undefined) return state;
      context = textOf(find(pulled, ENUMERATION, 'EnumerationContext'));
    }
    throw this.#fault('it tells no power state');
  }

  /** Whether its system saves power though the machine is on; undefined: it cannot tell (AMT before 10). */
  async isSaving(signal: AbortSignal): Promise<boolean | undefined> {
    try {
      const reply = await this.#ask(this.#ips.PowerManagementService.Get(), signal);
      const state = numberOf(find(reply, ipsClass('IPS_PowerManagementService'), 'OSPowerSavingState'));
      return state === undefined ? undefined : state === OS_SAVING;
    } catch (error) {
      // What it says of a class that it does not have.
      if ((error as { code?: string }).code === 'SHOAL_AMT_FAULT') return undefined;
      throw error;
    }
  }

  /** Asks for power, or wakes. The number it returns: 0 is accepted, not done; another is worth looking again. */
  async wake(signal: AbortSignal): Promise<number> {
    const service = cimClass('CIM_PowerManagementService');
    return this.#invoke(
      this.#cim.PowerManagementService.RequestPowerStateChange(POWER_ON),
      service,
      'RequestPowerStateChange',
      signal,
    );
  }

  /** Out of Modern Standby. */
  async leaveSaving(signal: AbortSignal): Promise<number> {
    const service = ipsClass('IPS_PowerManagementService');
    const xml = this.#ips.PowerManagementService.RequestOSPowerSavingStateChange(OS_FULL);
    return this.#invoke(xml, service, 'RequestOSPowerSavingStateChange', signal);
  }

  async #invoke(xml: string, service: string, method: string, signal: AbortSignal): Promise<number> {
    const reply = await this.#ask(xml, signal);
    const returned = numberOf(find(reply, service, 'ReturnValue'));
    if (returned === undefined) throw this.#fault(`its answer to ${method} has no return value`);
    return returned;
  }

  async #ask(xml: string, signal: AbortSignal): Promise<Element> {
    const { status, body } = await this.#transport.post(xml, signal);
    if (status !== 200 && status !== 400) throw this.#fault(`it answers with status ${status}`);
    const envelope = this.#parsed(body);
    const fault = find(envelope, SOAP, 'Fault');
    if (fault) {
      const said = textOf(find(fault, SOAP, 'Text'));
      throw new ShoalError(
        'SHOAL_AMT_FAULT',
        `it refuses: ${said.slice(0, SAID_MAX)}`,
        this.#where,
        'See its version',
      );
    }
    const inside = find(envelope, SOAP, 'Body');
    if (!inside) throw this.#fault('its answer is no SOAP envelope');
    return inside;
  }

  #parsed(body: string): Element {
    try {
      return parseXml(body);
    } catch (error) {
      throw this.#fault(`its answer cannot be read: ${(error as Error).message.slice(0, SAID_MAX)}`);
    }
  }

  #fault(what: string): ShoalError {
    return new ShoalError('SHOAL_AMT_ANSWER', what, this.#where, 'See which device answers there');
  }
}

const PULLS_MAX = 8;
const SAID_MAX = 200;

function numberOf(element: Element | undefined): number | undefined {
  const text = textOf(element);
  return /^\d{1,6}$/.test(text) ? Number(text) : undefined;
}
