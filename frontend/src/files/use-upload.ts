"use client";

/** One upload at a time: hashed, sent, and ended with who asked for it. */
import { useEffect, useRef, useState } from "react";
import { ApiProblem, asProblem } from "@/api/client";
import type { StoredFile } from "@/api/types";
import { reprDigest, whyUnhashed } from "./digest";
import { sendFile } from "./send-file";

export type Upload =
  | { stage: "none" }
  | { stage: "hashing" | "sending"; file: File /** Bytes. */; sent: number }
  | { stage: "failed"; file: File; problem: ApiProblem }
  | { stage: "done" /** Why its digest was not checked. */; unhashed: string | null };

const NONE: Upload = { stage: "none" };

async function digestOf(file: File): Promise<string | null> {
  if (whyUnhashed(file)) return null;
  return reprDigest(file).catch((error: unknown) => {
    throw new ApiProblem(0, { title: "The file cannot be read", detail: String(error) });
  });
}

export function useUpload(onDone: (file: StoredFile) => void) {
  const [upload, setUpload] = useState<Upload>(NONE);
  const running = useRef<AbortController>(null);
  useEffect(() => () => running.current?.abort(), []);

  const send = async (file: File, { signal }: AbortController) => {
    const show = (next: Upload) => signal.aborted || setUpload(next);
    try {
      show({ stage: "hashing", file, sent: 0 });
      const digest = await digestOf(file);
      signal.throwIfAborted();
      show({ stage: "sending", file, sent: 0 });
      const onProgress = (sent: number) => show({ stage: "sending", file, sent });
      const stored = await sendFile(file, { digest, onProgress, signal });
      signal.throwIfAborted();
      onDone(stored);
      show({ stage: "done", unhashed: whyUnhashed(file) });
    } catch (error) {
      show({ stage: "failed", file, problem: asProblem(error) });
    }
  };
  const start = (file: File) => {
    running.current?.abort();
    running.current = new AbortController();
    void send(file, running.current);
  };
  const cancel = () => {
    running.current?.abort();
    setUpload(NONE);
  };
  return { upload, start, cancel };
}
