/** The part of WS-Management that a wake needs, as AMT has it: which request gets which answer. Pure but for the machine it looks at. */
import { type Element, find, parseXml, textOf } from '@shoal/agent/edge/power/amt/xml';
import {
  ADDRESSING,
  AMT,
  associated,
  CIM,
  ENUMERATION,
  envelope,
  type Head,
  IDENTITY,
  IPS,
  SOAP,
  serviceEndpoint,
  unreachable,
  WSMAN,
} from './envelopes.ts';
import type { Knobs } from './knobs.ts';

export type Machine = {
  /** As DSP1027 numbers it: 2 on, 4 asleep, 8 off. */
  state(): number;
  /** Returns what RequestPowerStateChange does: 0 accepted. */
  request(state: number): number;
};

export type Answer = { status: number; body: string };

const GET = 'http://schemas.xmlsoap.org/ws/2004/09/transfer/Get';
const ENUMERATE = `${ENUMERATION}/Enumerate`;
const PULL = `${ENUMERATION}/Pull`;
const SERVICE = `${CIM}CIM_PowerManagementService`;
const ASSOCIATED = `${CIM}CIM_AssociatedPowerManagementService`;
const AVAILABLE = `${CIM}CIM_ServiceAvailableToElement`;
const OS_SERVICE = `${IPS}IPS_PowerManagementService`;
const OS_SAVING = 3;
const OS_FULL = 2;
const INVALID_PARAMETER = 5;
const INVALID_TRANSITION = 4097;

export class Wsman {
  readonly #knobs: Knobs;
  readonly #machine: Machine;
  /** Enumerations that are under way: what each is of, and whether references are wanted. */
  readonly #contexts = new Map<string, { resource: string; isEpr: boolean }>();
  #next = 1;

  constructor(knobs: Knobs, machine: Machine) {
    this.#knobs = knobs;
    this.#machine = machine;
  }

  answer(xml: string): Answer {
    let request: Element;
    try {
      request = parseXml(xml);
    } catch {
      return { status: 400, body: unreachable({ action: '', messageId: '', resource: '' }) };
    }
    const header = find(request, SOAP, 'Header');
    const body = find(request, SOAP, 'Body');
    if (body && find(body, IDENTITY, 'Identify')) return { status: 200, body: identity() };
    const of = (uri: string, local: string) => textOf(header && find(header, uri, local));
    const head: Head = {
      action: `${of(ADDRESSING, 'Action')}Response`,
      messageId: of(ADDRESSING, 'MessageID'),
      resource: of(WSMAN, 'ResourceURI'),
    };
    const found = body && this.#answer(of(ADDRESSING, 'Action'), head, body);
    return found === undefined ? { status: 400, body: unreachable(head) } : { status: 200, body: found };
  }

  #answer(action: string, head: Head, body: Element): string | undefined {
    if (action === GET) return this.#get(head);
    if (action === ENUMERATE) return this.#enumerate(head, body);
    if (action === PULL) return this.#pull(head, body);
    if (action === `${SERVICE}/RequestPowerStateChange`) return this.#request(head, body);
    if (action === `${OS_SERVICE}/RequestOSPowerSavingStateChange`) return this.#leaveSaving(head, body);
    return undefined;
  }

  #get(head: Head): string | undefined {
    const { resource } = head;
    const state = this.#machine.state();
    if (resource === ASSOCIATED) return envelope(head, ASSOCIATED, associated('g', state, this.#knobs.lms));
    if (resource === OS_SERVICE && this.#knobs.hasOsPower) {
      // Not told while the host is not in S0.
      const told =
        state === 2
          ? `<g:OSPowerSavingState>${this.#knobs.savesPower ? OS_SAVING : OS_FULL}</g:OSPowerSavingState>`
          : '';
      return envelope(
        head,
        OS_SERVICE,
        `<g:IPS_PowerManagementService><g:ElementName>Intel(r) AMT Power Management Service</g:ElementName>${told}</g:IPS_PowerManagementService>`,
      );
    }
    if (resource === `${AMT}AMT_GeneralSettings`)
      return envelope(
        head,
        resource,
        `<g:AMT_GeneralSettings><g:DigestRealm>${this.#knobs.realm}</g:DigestRealm><g:IdleWakeTimeout>3</g:IdleWakeTimeout><g:NetworkInterfaceEnabled>true</g:NetworkInterfaceEnabled></g:AMT_GeneralSettings>`,
      );
    return undefined;
  }

  #enumerate(head: Head, body: Element): string | undefined {
    const { resource } = head;
    if (resource !== AVAILABLE && resource !== ASSOCIATED && resource !== SERVICE) return undefined;
    const context = this.#next.toString(16).toUpperCase().padStart(8, '0');
    this.#next += 1;
    const isEpr = textOf(find(body, WSMAN, 'EnumerationMode')) === 'EnumerateEPR';
    this.#contexts.set(context, { resource, isEpr });
    return envelope(
      head,
      ENUMERATION,
      `<g:EnumerateResponse><g:EnumerationContext>${context}</g:EnumerationContext></g:EnumerateResponse>`,
    );
  }

  #pull(head: Head, body: Element): string | undefined {
    const name = textOf(find(body, ENUMERATION, 'EnumerationContext'));
    const context = this.#contexts.get(name);
    if (!context) return undefined;
    this.#contexts.delete(name);
    const item = context.isEpr ? serviceEndpoint : associated('h', this.#machine.state(), this.#knobs.lms);
    return envelope(
      head,
      ENUMERATION,
      `<g:PullResponse><g:Items xmlns:h="${ASSOCIATED}">${item}</g:Items><g:EndOfSequence></g:EndOfSequence></g:PullResponse>`,
    );
  }

  #request(head: Head, body: Element): string {
    const state = Number(textOf(find(body, SERVICE, 'PowerState')));
    const element = find(body, SERVICE, 'ManagedElement');
    const isWhole =
      element !== undefined && find(element, WSMAN, 'Selector') !== undefined && Number.isInteger(state);
    const value = isWhole ? this.#machine.request(state) : INVALID_PARAMETER;
    return envelope(
      head,
      SERVICE,
      `<g:RequestPowerStateChange_OUTPUT><g:ReturnValue>${value}</g:ReturnValue></g:RequestPowerStateChange_OUTPUT>`,
    );
  }

  #leaveSaving(head: Head, body: Element): string | undefined {
    if (!this.#knobs.hasOsPower) return undefined;
    const wanted = textOf(find(body, OS_SERVICE, 'OSPowerSavingState'));
    const isOn = this.#machine.state() === 2;
    if (wanted === String(OS_FULL) && isOn) this.#knobs.savesPower = false;
    return envelope(
      head,
      OS_SERVICE,
      `<g:RequestOSPowerSavingStateChange_OUTPUT><g:ReturnValue>${isOn ? 0 : INVALID_TRANSITION}</g:ReturnValue></g:RequestOSPowerSavingStateChange_OUTPUT>`,
    );
  }
}

const identity = (): string =>
  `<?xml version="1.0" encoding="UTF-8"?><a:Envelope xmlns:a="${SOAP}" xmlns:b="${IDENTITY}"><a:Body><b:IdentifyResponse><b:ProtocolVersion>http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd</b:ProtocolVersion><b:ProductVendor>Intel(r)</b:ProductVendor><b:ProductVersion>AMT 15.0.23</b:ProductVersion></b:IdentifyResponse></a:Body></a:Envelope>`;
