import type { NextConfig } from "next";

/** `next dev` has no proxy in front of it, so it passes `/api` on itself. */
const development: NextConfig = {
  compress: false,
  skipTrailingSlashRedirect: true,
  rewrites: async () => [
    { source: "/api/:path*", destination: `${process.env.ATROPOS_API_URL ?? "http://127.0.0.1:8000"}/:path*` },
  ],
};

const config: NextConfig = {
  trailingSlash: true,
  images: { unoptimized: true },
  ...(process.env.NODE_ENV === "development" ? development : { output: "export" }),
};

export default config;
