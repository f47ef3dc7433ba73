"use client";

import { useQuery } from "@tanstack/react-query";
import { useCallback } from "react";
import type { StoredFile } from "@/api/types";
import { CodeBlock } from "@/elements/code-block";
import { ProblemNotice } from "@/elements/problem-notice";
import { formatBytes } from "@/format/size";
import { HEAD_BYTES, type PreviewKind, readHead, readImage, shownText } from "./content";

/** In pixels of the screen's measure. */
const THUMBNAIL = { width: 400, height: 260 };
/** The pixels of an image are large, and not kept for long after nobody sees them. */
const KEPT_MILLISECONDS = 10_000;

interface FilePreviewProps {
  file: StoredFile;
  kind: PreviewKind;
}

/** What is in a file, in small. Contents never change, so each is read once. */
export function FilePreview({ file, kind }: FilePreviewProps) {
  return kind === "image" ? <Thumbnail file={file} /> : <TextHead file={file} />;
}

function TextHead({ file }: { file: StoredFile }) {
  const { data, error } = useQuery({
    queryKey: ["file-head", file.file_id],
    queryFn: ({ signal }) => readHead(file.file_id, signal),
    staleTime: "static",
  });
  if (error) return <ProblemNotice error={error} />;
  if (data === undefined) return <Reading />;
  const isWhole = file.size_bytes <= HEAD_BYTES;
  const title = isWhole ? file.name : `${file.name}, the first 64 KiB of ${formatBytes(file.size_bytes)}`;
  return <CodeBlock title={title} text={shownText(data, file)} />;
}

function Thumbnail({ file }: { file: StoredFile }) {
  const { data: image, error } = useQuery({
    queryKey: ["image", file.file_id],
    queryFn: ({ signal }) => readImage(file.file_id, signal),
    staleTime: "static",
    gcTime: KEPT_MILLISECONDS,
  });
  const draw = useCallback(
    (canvas: HTMLCanvasElement | null) =>
      image && canvas?.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height),
    [image],
  );
  if (error) return <ProblemNotice error={error} />;
  if (!image) return <Reading />;
  const shrink = Math.min(1, THUMBNAIL.width / image.width, THUMBNAIL.height / image.height);
  const [width, height] = [image.width, image.height].map((side) => Math.max(1, Math.round(side * shrink)));
  return (
    <figure className="flex w-fit flex-col gap-1">
      {/* A canvas shows pixels without an address of their own, which the page's policy would have to let in. */}
      <canvas
        ref={draw}
        role="img"
        aria-label={`Picture ${file.name}`}
        width={width}
        height={height}
        className="max-w-full border border-line"
      />
      <figcaption className="text-muted text-xs">
        {image.width} × {image.height} pixels
      </figcaption>
    </figure>
  );
}

function Reading() {
  return <p className="text-muted text-xs">Reading…</p>;
}
