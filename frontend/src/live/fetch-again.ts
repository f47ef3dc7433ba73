/** Answers that are newer than now. One that is under way may have been made before: it cannot stand for the next. */
import type { QueryClient, QueryFilters } from "@tanstack/react-query";

/** Ask again, for everything that is shown or what the filters name; a first answer under way is waited for. */
export async function fetchAgain(queryClient: QueryClient, filters: QueryFilters = {}): Promise<void> {
  // Asking again cancels a fetch under way, but for the first: there the library would hand back the same fetch.
  const isFirst: QueryFilters["predicate"] = ({ state }) => state.data === undefined && state.fetchStatus !== "idle";
  await queryClient.refetchQueries({ ...filters, predicate: isFirst }, { cancelRefetch: false });
  await queryClient.invalidateQueries(filters);
}
