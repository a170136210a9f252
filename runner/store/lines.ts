/** Lines of JSON that tell by themselves whether they are whole: the last member is a checksum of what stands before it. */
import { sha256 } from '../../schemas/json.js';

const checksum = (body: string): string => sha256(body).slice(0, 16);

/** `{...,"sum":"<16 hex>"}` and a line break: the sum is of the object without it. */
export const sealLine = (body: string): string => `${body.slice(0, -1)},"sum":"${checksum(body)}"}\n`;

/** The text of the object that was sealed; undefined where a byte is another one, or some are missing. */
export function openLine(line: string): string | undefined {
  const match = /^(.*),"sum":"([0-9a-f]{16})"\}$/.exec(line);
  const body = `${match?.[1] ?? ''}}`;
  return checksum(body) === match?.[2] ? body : undefined;
}
