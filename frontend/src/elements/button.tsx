import type { ComponentProps } from "react";

const LOOKS = {
  plain: "border-control bg-surface text-ink hover:bg-hover",
  primary: "border-accent bg-accent text-on-accent hover:opacity-90",
  danger: "border-failed bg-surface text-failed hover:bg-failed-soft",
  quiet: "border-transparent bg-transparent text-muted hover:bg-hover hover:text-ink",
} as const;

export type ButtonLook = keyof typeof LOOKS;

/** The classes of a button, for links that look like one. */
export const buttonClasses = (look: ButtonLook = "plain"): string =>
  `inline-flex min-h-8 items-center justify-center gap-1.5 whitespace-nowrap rounded-md border px-3 py-1 font-medium disabled:cursor-not-allowed disabled:opacity-50 ${LOOKS[look]}`;

interface ButtonProps extends ComponentProps<"button"> {
  look?: ButtonLook;
}

export function Button({ look, className = "", ...rest }: ButtonProps) {
  return <button type="button" className={`${buttonClasses(look)} ${className}`} {...rest} />;
}
