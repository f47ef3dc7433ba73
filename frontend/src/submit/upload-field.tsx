"use client";

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type DragEvent, useId, useRef, useState } from "react";
import { fileQuery } from "@/api/queries";
import { Button, buttonClasses } from "@/elements/button";
import { ProblemNotice } from "@/elements/problem-notice";
import { ProgressBar } from "@/elements/progress-bar";
import { shortDigest } from "@/files/digest";
import { type Upload, useUpload } from "@/files/use-upload";
import { formatBytes } from "@/format/size";

/** The status of a file that no second attempt makes smaller. */
const TOO_LARGE = 413;

interface UploadFieldProps {
  /** Of what has been uploaded; empty while nothing is. */
  fileId: string;
  described: Record<string, string | boolean>;
  onChange: (fileId: string) => void;
}

/** A file that is chosen or dropped, and uploaded at once: the task is told its id only. */
export function UploadField({ fileId, described, onChange }: UploadFieldProps) {
  const input = useRef<HTMLInputElement>(null);
  const queryClient = useQueryClient();
  const { upload, start, cancel } = useUpload((file) => {
    queryClient.setQueryData(fileQuery(file.file_id).queryKey, file);
    onChange(file.file_id);
  });
  const take = (file: File | undefined) => {
    if (!file) return;
    onChange("");
    start(file);
  };
  return (
    <DropZone onDrop={take}>
      <Chooser input={input} described={described} onChoose={take} />
      <div aria-live="polite" className="min-w-0 grow basis-48">
        {fileId ? <Stored fileId={fileId} upload={upload} /> : <UploadState upload={upload} onRetry={take} />}
      </div>
      {(upload.stage === "hashing" || upload.stage === "sending") && (
        <Button
          onClick={() => {
            cancel();
            input.current?.focus();
          }}
        >
          Cancel upload
        </Button>
      )}
    </DropZone>
  );
}

interface DropZoneProps {
  onDrop: (file: File | undefined) => void;
  children: React.ReactNode;
}

function DropZone({ onDrop, children }: DropZoneProps) {
  const [isOver, setOver] = useState(false);
  const over = (event: DragEvent) => {
    // Without this the browser would leave the page, and open the file.
    event.preventDefault();
    setOver(true);
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping is a shortcut; the button does the same
    <div
      onDragOver={over}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        onDrop(event.dataTransfer.files[0]);
      }}
      className={`flex flex-wrap items-center gap-3 rounded-md border border-dashed p-3 ${isOver ? "border-accent bg-hover" : "border-control"}`}
    >
      {children}
    </div>
  );
}

interface ChooserProps {
  input: React.RefObject<HTMLInputElement | null>;
  described: Record<string, string | boolean>;
  onChoose: (file: File | undefined) => void;
}

function Chooser({ input, described, onChoose }: ChooserProps) {
  const id = useId();
  return (
    <div className="relative">
      <input
        {...described}
        ref={input}
        id={id}
        type="file"
        className="peer sr-only"
        onChange={({ target }) => {
          onChoose(target.files?.[0]);
          // Or choosing the same file again would change nothing.
          target.value = "";
        }}
      />
      <label
        htmlFor={id}
        className={`${buttonClasses()} cursor-pointer peer-focus-visible:outline-2 peer-focus-visible:outline-accent peer-focus-visible:outline-offset-2`}
      >
        Choose a file
      </label>
    </div>
  );
}

function UploadState({ upload, onRetry }: { upload: Upload; onRetry: (file: File) => void }) {
  switch (upload.stage) {
    case "hashing":
      return <p className="break-all text-muted">Computing the SHA-256 of {upload.file.name}…</p>;
    case "sending":
      return <Sending file={upload.file} sent={upload.sent} />;
    case "failed":
      return (
        <ProblemNotice error={upload.problem}>
          {upload.problem.status !== TOO_LARGE && <Button onClick={() => onRetry(upload.file)}>Try again</Button>}
        </ProblemNotice>
      );
    default:
      return <p className="text-muted">or drop it here. It is uploaded at once.</p>;
  }
}

function Sending({ file, sent }: { file: File; sent: number }) {
  const share = file.size > 0 ? Math.min(1, sent / file.size) : 0;
  return (
    <div className="flex flex-col gap-1">
      <p className="break-all">Uploading {file.name}</p>
      <ProgressBar progress={share} state="processing" label={`Upload of ${file.name}`} />
      {/* Told by the bar: read aloud, each change would be too much. */}
      <p aria-hidden="true" className="text-muted text-xs tabular-nums">
        {formatBytes(Math.min(sent, file.size))} of {formatBytes(file.size)}
        {share === 1 && ", being stored"}
      </p>
    </div>
  );
}

function Stored({ fileId, upload }: { fileId: string; upload: Upload }) {
  const { data: file, error } = useQuery(fileQuery(fileId));
  if (error) return <ProblemNotice error={error} />;
  if (!file) return <p className="break-all font-mono text-muted text-xs">{fileId}</p>;
  const unhashed = upload.stage === "done" ? upload.unhashed : null;
  return (
    <>
      <p className="break-all">
        <span className="font-medium">{file.name}</span>{" "}
        <span className="text-muted">{formatBytes(file.size_bytes)}</span>
      </p>
      <p className="text-muted text-xs" title={file.sha256}>
        SHA-256 <code className="font-mono">{shortDigest(file.sha256)}</code>
        {upload.stage === "done" && (unhashed ? `, not checked: ${unhashed}` : ", checked")}
      </p>
    </>
  );
}
