/** SHA-256 of files: as people compare it, and of a file before it is sent, so that the API can check what arrives. */
import { formatBytes } from "@/format/size";

/** Browsers hash what is in memory as a whole: larger files are sent without, in bytes. */
export const LARGEST_HASHED = 256 * 1024 * 1024;

/** As many digits as people compare. */
export const shortDigest = (digest: string): string => `${digest.slice(0, 12)}…`;

/** Why a file is sent without its digest; null where it is not. */
export function whyUnhashed(file: Blob): string | null {
  if (file.size > LARGEST_HASHED) return `the browser can hash up to ${formatBytes(LARGEST_HASHED)}`;
  // The type has it always; a browser has it on https and localhost alone.
  const subtle: SubtleCrypto | undefined = globalThis.crypto.subtle;
  return subtle ? null : "the browser can hash only on https";
}

/** As `Repr-Digest` has it (RFC 9530). Rejects where the file cannot be read. */
export async function reprDigest(file: Blob): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  return `sha-256=:${btoa(String.fromCharCode(...new Uint8Array(digest)))}:`;
}
