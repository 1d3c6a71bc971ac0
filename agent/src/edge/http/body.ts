/** Reads YAML bodies. (JSON is read by Fastify, which refuses keys that would reach an object's prototype.) */
import type { FastifyInstance } from 'fastify';
import { plainValue } from '../../config/plain.ts';
import { readYaml } from '../../config/yaml.ts';
import { ShoalError } from '../../errors.ts';

const YAML_TYPES = ['application/yaml', 'application/x-yaml', 'text/yaml'];

/** One YAML document to a value. Throws a ShoalError that names the line. */
export function yamlBody(text: string, code: string, where: string): unknown {
  const { doc, faults } = readYaml(text);
  const [fault] = faults;
  if (fault) {
    const what = `it is not YAML: ${fault.what} (line ${fault.line})`;
    throw new ShoalError(code, what, where, 'Mend that line');
  }
  try {
    return plainValue(doc);
  } catch (cause) {
    throw new ShoalError(code, `it is not read: ${(cause as Error).message}`, where, 'Write it out', {
      cause,
    });
  }
}

export function acceptYaml(app: FastifyInstance): void {
  // Fastify reads plain text too, which nothing here is.
  app.removeContentTypeParser('text/plain');
  app.addContentTypeParser(YAML_TYPES, { parseAs: 'string' }, (request, body, done) => {
    try {
      done(null, yamlBody(body as string, 'SHOAL_HTTP_BODY', request.url));
    } catch (error) {
      done(error as Error);
    }
  });
}
