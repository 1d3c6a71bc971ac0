/** Errors as RFC 9457 answers: what, where, what to do, with a status by the error's code. */
import type { FastifyError } from 'fastify';
import { ERROR_CODES, statusOf } from '../../error-codes.ts';
import { ShoalError } from '../../errors.ts';

export type Problem = {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  where: string;
  todo: string;
};

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';

export function problemOf(error: ShoalError): Problem {
  return {
    type: `urn:shoal:error:${error.code}`,
    title: ERROR_CODES[error.code]?.meaning ?? 'Refused',
    status: statusOf(error.code),
    detail: error.message,
    code: error.code,
    where: error.where,
    todo: error.todo,
  };
}

/** Whatever was thrown, as a ShoalError. What is not ours to tell is told to the log alone, by the caller. */
export function asShoalError(error: unknown, path: string): ShoalError {
  if (error instanceof ShoalError) return error;
  const { code = '', validation, validationContext, message } = error as FastifyError;
  if (validation) {
    const { instancePath, params } = validation[0] ?? {};
    const extra = params?.additionalProperty ?? params?.missingProperty;
    const where = [validationContext, ...(instancePath ?? '').split('/').filter(Boolean), extra]
      .filter(Boolean)
      .join('.');
    return new ShoalError('SHOAL_HTTP_REQUEST', message, where, 'Mend it and ask again');
  }
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return new ShoalError(
      'SHOAL_HTTP_BODY_TOO_LARGE',
      'the body is too large',
      path,
      `Send ${BODY_MAX_BYTES} bytes at most`,
    );
  }
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    const todo = 'Send application/json or application/yaml';
    return new ShoalError('SHOAL_HTTP_MEDIA_TYPE', 'the body has a type that is not read here', path, todo);
  }
  if (code === 'FST_ERR_BAD_URL' || code === 'FST_ERR_MAX_PARAM_LENGTH') {
    const what = 'the path cannot be decoded, or has too long a name in it';
    return new ShoalError('SHOAL_HTTP_REQUEST', what, path, 'Mend it and ask again');
  }
  if (code.startsWith('FST_ERR_CTP')) {
    return new ShoalError(
      'SHOAL_HTTP_BODY',
      `the body cannot be read: ${message}`,
      path,
      'Send one document',
    );
  }
  return new ShoalError(
    'SHOAL_INTERNAL',
    'the agent failed inside; its log says how',
    path,
    'Read the log and report it',
    { cause: error },
  );
}

/** A VM spec has some hundred bytes to some thousand; what is larger is no spec. */
export const BODY_MAX_BYTES = 65_536;
