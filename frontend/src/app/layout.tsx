import type { Metadata, Viewport } from "next";
import type { ReactNode } from "react";
import { LiveProvider } from "@/live/live-provider";
import { Header } from "@/shell/header";
import { OutageBanner } from "@/shell/outage-banner";
import { THEME_SCRIPT } from "@/shell/theme";
import "./globals.css";

export const metadata: Metadata = {
  title: { default: "Tasks · Atropos", template: "%s · Atropos" },
  description: "Watch, understand and steer tasks.",
};

export const viewport: Viewport = { colorScheme: "light dark" };

export default function RootLayout({ children }: { children: ReactNode }) {
  return (
    <html lang="en" suppressHydrationWarning>
      <head>
        {/* biome-ignore lint/security/noDangerouslySetInnerHtml: a constant of ours, which must run before the paint */}
        <script dangerouslySetInnerHTML={{ __html: THEME_SCRIPT }} />
      </head>
      <body className="min-h-dvh font-sans antialiased">
        <LiveProvider>
          <Header />
          <main id="main" tabIndex={-1} className="mx-auto max-w-[100rem] px-3 py-4 outline-none sm:px-6 sm:py-5">
            {children}
          </main>
          <OutageBanner />
        </LiveProvider>
      </body>
    </html>
  );
}
