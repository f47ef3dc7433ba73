import Link from "next/link";
import { buttonClasses } from "@/elements/button";
import { EmptyState } from "@/elements/empty-state";

export default function NotFound() {
  return (
    <EmptyState title="There is no such page" heading="h1">
      <p>A task is at /task/?id=… with its id.</p>
      <p>
        <Link href="/" className={buttonClasses("primary")}>
          See all tasks
        </Link>
      </p>
    </EmptyState>
  );
}
