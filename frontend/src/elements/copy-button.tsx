"use client";

import { useState } from "react";
import { Button } from "./button";

/** Copies a text, and says whether it did. */
export function CopyButton({ text, label }: { text: string; label: string }) {
  const [said, setSaid] = useState("Copy");
  const copy = async () => {
    // Browsers have a clipboard only on https and localhost.
    const done = await navigator.clipboard?.writeText(text).then(
      () => true,
      () => false,
    );
    setSaid(done ? "Copied" : "Not allowed");
    setTimeout(() => setSaid("Copy"), 1_500);
  };
  return (
    <Button
      look="quiet"
      onClick={copy}
      aria-label={`${said === "Copy" ? "Copy" : `${said}:`} ${label}`}
      className="text-xs"
    >
      {said}
    </Button>
  );
}
