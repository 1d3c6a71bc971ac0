/** What an AMT answers: SOAP with prefixes a to h, as firmware has them, whatever the asker's were. Values are ours alone. */

const NAMESPACES = {
  a: 'http://www.w3.org/2003/05/soap-envelope',
  b: 'http://schemas.xmlsoap.org/ws/2004/08/addressing',
  c: 'http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd',
  d: 'http://schemas.xmlsoap.org/ws/2004/08/eventing',
  e: 'http://schemas.dmtf.org/wbem/wsman/1/cimbinding.xsd',
  f: 'http://schemas.xmlsoap.org/ws/2004/09/enumeration',
} as const;

export const SOAP = NAMESPACES.a;
export const ADDRESSING = NAMESPACES.b;
export const WSMAN = NAMESPACES.c;
export const ENUMERATION = NAMESPACES.f;
export const CIM = 'http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/';
export const IPS = 'http://intel.com/wbem/wscim/1/ips-schema/1/';
export const AMT = 'http://intel.com/wbem/wscim/1/amt-schema/1/';
export const IDENTITY = 'http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd';

export type Head = { action: string; messageId: string; resource: string };

let messages = 0;

/** `own`: the namespace of `g`, the answer's own class. */
export function envelope({ action, messageId, resource }: Head, own: string, body: string): string {
  messages += 1;
  const id = `uuid:00000000-8086-8086-8086-${messages.toString(16).padStart(12, '0')}`;
  const names = Object.entries(NAMESPACES).map(([prefix, uri]) => ` xmlns:${prefix}="${uri}"`);
  return `<?xml version="1.0" encoding="UTF-8"?><a:Envelope${names.join('')} xmlns:g="${own}"><a:Header><b:To>${NAMESPACES.b}/role/anonymous</b:To><b:RelatesTo>${escaped(messageId)}</b:RelatesTo><b:Action a:mustUnderstand="true">${escaped(action)}</b:Action><b:MessageID>${id}</b:MessageID><c:ResourceURI>${escaped(resource)}</c:ResourceURI></a:Header><a:Body>${body}</a:Body></a:Envelope>`;
}

/** As AMT says it of a class that it does not have. */
export const unreachable = (head: Head): string =>
  envelope(
    { ...head, action: `${NAMESPACES.b}/fault` },
    CIM,
    '<a:Fault><a:Code><a:Value>a:Sender</a:Value><a:Subcode><a:Value>b:DestinationUnreachable</a:Value></a:Subcode></a:Code><a:Reason><a:Text xml:lang="en-US">No route can be determined to reach the destination role defined by the WSAddressing To.</a:Text></a:Reason><a:Detail></a:Detail></a:Fault>',
  );

const systemReference = `<b:Address>/wsman</b:Address><b:ReferenceParameters><c:ResourceURI>${CIM}CIM_ComputerSystem</c:ResourceURI><c:SelectorSet><c:Selector Name="CreationClassName">CIM_ComputerSystem</c:Selector><c:Selector Name="Name">ManagedSystem</c:Selector></c:SelectorSet></b:ReferenceParameters>`;
const serviceReference = `<b:Address>/wsman</b:Address><b:ReferenceParameters><c:ResourceURI>${CIM}CIM_PowerManagementService</c:ResourceURI><c:SelectorSet><c:Selector Name="CreationClassName">CIM_PowerManagementService</c:Selector><c:Selector Name="Name">Intel(r) AMT Power Management Service</c:Selector><c:Selector Name="SystemCreationClassName">CIM_ComputerSystem</c:Selector><c:Selector Name="SystemName">Intel(r) AMT</c:Selector></c:SelectorSet></b:ReferenceParameters>`;

/** `prefix`: bound to the class. With Intel's service in the host it offers sleep too. */
export function associated(prefix: string, state: number, lms: boolean): string {
  const offered = state === 2 ? (lms ? [10, 8, 5, 11, 4, 7, 14, 12] : [10, 8, 5, 11]) : [2, 8];
  const list = offered.map(
    one => `<${prefix}:AvailableRequestedPowerStates>${one}</${prefix}:AvailableRequestedPowerStates>`,
  );
  return `<${prefix}:CIM_AssociatedPowerManagementService>${list.join('')}<${prefix}:PowerState>${state}</${prefix}:PowerState><${prefix}:ServiceProvided>${serviceReference}</${prefix}:ServiceProvided><${prefix}:UserOfService>${systemReference}</${prefix}:UserOfService></${prefix}:CIM_AssociatedPowerManagementService>`;
}

/** What an enumeration of references has as an item. */
export const serviceEndpoint = `<b:EndpointReference>${serviceReference}</b:EndpointReference>`;

export const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
