/** One upload. It is an XMLHttpRequest, since `fetch` does not tell how much of a body has been sent. */
import { API_PATH, ApiProblem, problemFrom } from "@/api/client";
import type { StoredFile } from "@/api/types";

const BROKEN_OFF = {
  title: "The upload broke off",
  detail: "The connection was lost, the file was changed meanwhile, or it is larger than the service takes.",
};

interface Sending {
  /** The `Repr-Digest` that what arrives must have. */
  digest: string | null;
  /** Told how many bytes have been sent. */
  onProgress: (bytes: number) => void;
  signal: AbortSignal;
}

/** Store the file. Rejects with ApiProblem, and with the signal's reason once that is aborted. */
export function sendFile(file: File, { digest, onProgress, signal }: Sending): Promise<StoredFile> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `${API_PATH}/files?name=${encodeURIComponent(file.name)}`);
    request.setRequestHeader("Content-Type", file.type || "application/octet-stream");
    if (digest) request.setRequestHeader("Repr-Digest", digest);
    request.responseType = "json";
    request.upload.onprogress = ({ loaded }) => onProgress(loaded);
    request.onload = () => {
      if (request.status === 201) resolve(request.response as StoredFile);
      else reject(problemFrom(request.status, request.response));
    };
    request.onerror = () => reject(new ApiProblem(0, BROKEN_OFF));
    request.onabort = () => reject(signal.reason);
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(file);
  });
}
