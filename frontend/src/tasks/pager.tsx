import { Button } from "@/elements/button";
import { PAGE_SIZES } from "./filters";

interface PagerProps {
  limit: number;
  shown: number;
  onFirst?: () => void;
  onPrevious?: () => void;
  onNext?: () => void;
  onLimit: (limit: number) => void;
}

export function Pager({ limit, shown, onFirst, onPrevious, onNext, onLimit }: PagerProps) {
  return (
    <nav
      aria-label="Pages of tasks"
      className="flex flex-wrap items-center justify-between gap-2 border-line border-t px-3 py-2"
    >
      <label className="flex items-center gap-2 text-muted">
        <select
          aria-label="Tasks per page"
          value={limit}
          onChange={(event) => onLimit(Number(event.target.value))}
          className="field"
        >
          {PAGE_SIZES.map((size) => (
            <option key={size}>{size}</option>
          ))}
        </select>
        <span className="max-sm:sr-only">per page, {shown} shown</span>
      </label>
      <div className="flex gap-1.5">
        <Button look="quiet" disabled={!onFirst} onClick={onFirst}>
          Newest
        </Button>
        <Button disabled={!onPrevious} onClick={onPrevious}>
          Previous
        </Button>
        <Button disabled={!onNext} onClick={onNext}>
          Next
        </Button>
      </div>
    </nav>
  );
}
