"use client";

import Link from "next/link";
import { usePathname } from "next/navigation";
import { LiveMark } from "./live-mark";
import { ThemeToggle } from "./theme-toggle";

const PAGES = [
  { href: "/", name: "Tasks" },
  { href: "/overview/", name: "Overview" },
  { href: "/new/", name: "New task" },
];

export function Header() {
  const path = usePathname();
  return (
    <header className="sticky top-0 z-20 border-line border-b bg-surface">
      <a
        href="#main"
        className="sr-only focus:not-sr-only focus:absolute focus:top-2 focus:left-2 focus:rounded focus:bg-accent focus:px-3 focus:py-1 focus:text-on-accent"
      >
        Skip to content
      </a>
      <div className="mx-auto flex h-12 max-w-[100rem] items-center gap-1 px-3 sm:gap-3 sm:px-6">
        <Link href="/" className="mr-1 flex items-center gap-2 rounded font-semibold text-base tracking-tight">
          <svg viewBox="0 0 32 32" className="size-6" aria-hidden="true">
            <rect width="32" height="32" rx="7" className="fill-accent" />
            <path d="M7 22h18M7 16h12M7 10h6" className="stroke-3 stroke-on-accent" strokeLinecap="round" />
            <circle cx="25" cy="10" r="2.5" className="fill-on-accent" />
          </svg>
          <span className="max-sm:sr-only">Atropos</span>
        </Link>
        <nav aria-label="Pages" className="flex min-w-0 flex-1 gap-0.5 sm:gap-1">
          {PAGES.map(({ href, name }) => (
            <Link
              key={href}
              href={href}
              aria-current={path === href ? "page" : undefined}
              className="whitespace-nowrap rounded-md px-2 py-1.5 font-medium text-muted hover:bg-hover hover:text-ink aria-[current=page]:bg-hover aria-[current=page]:text-ink sm:px-3"
            >
              {name}
            </Link>
          ))}
        </nav>
        <LiveMark />
        <ThemeToggle />
      </div>
    </header>
  );
}
