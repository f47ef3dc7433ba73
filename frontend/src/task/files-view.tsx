"use client";

import Link from "next/link";
import { useId, useState } from "react";
import type { StoredFile } from "@/api/types";
import { Button, buttonClasses } from "@/elements/button";
import { CopyButton } from "@/elements/copy-button";
import { contentAddress, previewOf } from "@/files/content";
import { shortDigest } from "@/files/digest";
import { FilePreview } from "@/files/file-preview";
import { formatBytes } from "@/format/size";

/** So many images, up to this size in bytes, are shown unasked: browsers read six answers at once, events among them. */
const SHOWN_IMAGES = 4;
const SHOWN_BYTES = 4_000_000;

/** What the task made. */
export function FilesView({ files }: { files: readonly StoredFile[] }) {
  const images = files.filter((file) => previewOf(file) === "image" && file.size_bytes <= SHOWN_BYTES);
  const shown = new Set(images.slice(0, SHOWN_IMAGES));
  return (
    <ul className="panel divide-y divide-line">
      {files.map((file) => (
        <FileRow key={file.file_id} file={file} isShown={shown.has(file)} />
      ))}
    </ul>
  );
}

function FileRow({ file, isShown }: { file: StoredFile; isShown: boolean }) {
  const id = useId();
  const [isOpen, setOpen] = useState(isShown);
  const kind = previewOf(file);
  return (
    <li className="flex min-w-0 flex-col gap-2 p-3">
      <div className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2">
        <div className="min-w-0">
          <p className="break-all font-medium">{file.name}</p>
          <p className="flex flex-wrap items-center gap-x-2 text-muted text-xs">
            <span className="break-all">{file.media_type}</span>
            <span title={`${file.size_bytes} bytes`}>{formatBytes(file.size_bytes)}</span>
            <span className="flex items-center" title={`SHA-256 ${file.sha256}`}>
              SHA-256 <code className="ml-1 font-mono">{shortDigest(file.sha256)}</code>
              <CopyButton text={file.sha256} label={`SHA-256 of ${file.name}`} />
            </span>
          </p>
        </div>
        <div className="flex flex-wrap gap-2">
          {kind && (
            <Button
              aria-expanded={isOpen}
              aria-controls={id}
              aria-label={`Preview ${file.name}`}
              onClick={() => setOpen(!isOpen)}
              className="aria-expanded:bg-hover"
            >
              Preview
            </Button>
          )}
          <NewTaskLink file={file} />
          <a
            href={contentAddress(file.file_id)}
            download={file.name}
            aria-label={`Download ${file.name}`}
            className={buttonClasses()}
          >
            Download
          </a>
        </div>
      </div>
      <div id={id} className="empty:hidden">
        {kind && isOpen && <FilePreview file={file} kind={kind} />}
      </div>
    </li>
  );
}

function NewTaskLink({ file }: { file: StoredFile }) {
  const query = new URLSearchParams({ task: file.task_id ?? "", artifact: file.name });
  return (
    <Link
      prefetch={false}
      href={`/new/?${query}`}
      aria-label={`Use in a new task: ${file.name}`}
      className={buttonClasses()}
    >
      Use in a new task
    </Link>
  );
}
