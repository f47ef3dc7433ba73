/** The TypeScript client of Atropos; docs/clients.md shows its use. */
import { FileCalls } from "./files.js";

/** A connection to one API: `new Client("http://127.0.0.1:8000")`. Every call throws ApiUnreachable or ProblemError. */
export class Client extends FileCalls {}

export type * from "./documents.js";
export { hasEnded } from "./documents.js";
export * from "./errors.js";
export type { Content, UploadOptions } from "./files.js";
export type { WaitOptions } from "./following.js";
export type { MapOptions, MapProgress } from "./map.js";
export type { CallOptions, ClientOptions } from "./requests.js";
export type { ListOptions } from "./tasks.js";
