import { afterEach, describe, expect, it, vi } from "vitest";
import type { ApiProblem } from "@/api/client";
import { LARGEST_HASHED, reprDigest, whyUnhashed } from "@/files/digest";
import { sendFile } from "@/files/send-file";
import { formatBytes } from "@/format/size";

/** A request whose answer the test gives. */
class ScriptedRequest {
  static last: ScriptedRequest;
  opened: string[] = [];
  headers: Record<string, string> = {};
  upload: { onprogress?: (event: { loaded: number }) => void } = {};
  status = 0;
  response: unknown = null;
  onload = () => {};
  onerror = () => {};
  onabort = () => {};

  constructor() {
    ScriptedRequest.last = this;
  }
  open(...what: string[]) {
    this.opened = what;
  }
  setRequestHeader(name: string, value: string) {
    this.headers[name] = value;
  }
  send() {}
  abort() {
    this.onabort();
  }
  answer(status: number, response: unknown) {
    Object.assign(this, { status, response });
    this.onload();
  }
}

const FILE = new File(["hello"], "a & b.txt", { type: "text/plain" });

function send(signal = new AbortController().signal, digest: string | null = null) {
  vi.stubGlobal("XMLHttpRequest", ScriptedRequest);
  const told: number[] = [];
  const sent = sendFile(FILE, { digest, signal, onProgress: (bytes) => told.push(bytes) });
  return { sent, told, request: ScriptedRequest.last };
}

afterEach(() => vi.unstubAllGlobals());

describe("an upload", () => {
  it("says what it is, and tells how far it is", async () => {
    const { sent, told, request } = send(undefined, "sha-256=:x:");
    expect(request.opened).toEqual(["POST", "/api/files?name=a%20%26%20b.txt"]);
    expect(request.headers).toEqual({ "Content-Type": "text/plain", "Repr-Digest": "sha-256=:x:" });
    request.upload.onprogress?.({ loaded: 3 });
    request.answer(201, { file_id: "1" });
    expect(await sent).toEqual({ file_id: "1" });
    expect(told).toEqual([3]);
  });

  it("is refused as the API says it", async () => {
    const { sent, request } = send();
    request.answer(413, { title: "Content Too Large", status: 413, detail: "At most 8 bytes." });
    await expect(sent).rejects.toMatchObject({ title: "Content Too Large", detail: "At most 8 bytes.", status: 413 });
  });

  it("fails with a problem where a proxy answers with something else, and where nobody does", async () => {
    const refused = send();
    refused.request.answer(502, null);
    await expect(refused.sent).rejects.toMatchObject({ status: 502, title: "The API does not answer" });
    const broken = send();
    broken.request.onerror();
    const problem = (await broken.sent.catch((error: unknown) => error)) as ApiProblem;
    expect(problem.title).toBe("The upload broke off");
  });

  it("ends when it is cancelled", async () => {
    const controller = new AbortController();
    const { sent } = send(controller.signal);
    controller.abort();
    await expect(sent).rejects.toBe(controller.signal.reason);
  });
});

describe("a digest", () => {
  it("is that of SHA-256, in base64", async () => {
    expect(await reprDigest(FILE)).toBe("sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:");
  });

  it("is left out of large files, and where the browser has none", () => {
    expect(whyUnhashed({ size: LARGEST_HASHED } as Blob)).toBeNull();
    expect(whyUnhashed({ size: LARGEST_HASHED + 1 } as Blob)).toContain("up to 268 MB");
    vi.stubGlobal("crypto", {});
    expect(whyUnhashed(FILE)).toContain("https");
  });
});

describe("sizes", () => {
  it.each([
    [0, "0 bytes"],
    [1, "1 byte"],
    [999, "999 bytes"],
    [1_000, "1.0 kB"],
    [65_536, "66 kB"],
    [999_499, "999 kB"],
    [999_500, "1.0 MB"],
    [5 * 1024 ** 3, "5.4 GB"],
    [5e15, "5000 TB"],
  ])("of %d bytes", (bytes, expected) => expect(formatBytes(bytes)).toBe(expected));
});
