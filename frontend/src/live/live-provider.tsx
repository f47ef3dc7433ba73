"use client";

/** Gives every component the one event feed, the query cache, and how often to poll without a feed. */
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext, useEffect, useState, useSyncExternalStore } from "react";
import { API_PATH, ApiProblem } from "@/api/client";
import { EventFeed, type EventListener, type FeedState } from "./event-feed";
import { fetchAgain } from "./fetch-again";

/** A hidden page gives its connection back after this many milliseconds: browsers allow six to one origin. */
const HIDDEN_MILLISECONDS = 10_000;
const POLL_MILLISECONDS = 2_000;

const FeedContext = createContext<EventFeed | null>(null);

function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 1_000,
        retry: (failures, error) => failures < 2 && error instanceof ApiProblem && error.isOutage,
        retryDelay: 1_000,
        networkMode: "always",
      },
      mutations: { networkMode: "always" },
    },
  });
}

function openStream(lastEventId: string | null): EventSource {
  const query = lastEventId ? `?last_event_id=${lastEventId}` : "";
  return new EventSource(`${API_PATH}/events${query}`);
}

function useFeed(queryClient: QueryClient): EventFeed {
  const [feed] = useState(() => new EventFeed({ open: openStream, onGap: () => void fetchAgain(queryClient) }));
  useEffect(() => {
    let hiding: ReturnType<typeof setTimeout> | undefined;
    const follow = () => {
      clearTimeout(hiding);
      if (document.visibilityState === "visible") feed.start();
      else hiding = setTimeout(() => feed.stop(), HIDDEN_MILLISECONDS);
    };
    follow();
    document.addEventListener("visibilitychange", follow);
    return () => {
      clearTimeout(hiding);
      document.removeEventListener("visibilitychange", follow);
      feed.stop();
    };
  }, [feed]);
  return feed;
}

export function LiveProvider({ children }: { children: ReactNode }) {
  const [queryClient] = useState(createQueryClient);
  const feed = useFeed(queryClient);
  return (
    <QueryClientProvider client={queryClient}>
      <FeedContext value={feed}>{children}</FeedContext>
    </QueryClientProvider>
  );
}

function useEventFeed(): EventFeed {
  const feed = useContext(FeedContext);
  if (!feed) throw new Error("LiveProvider is missing");
  return feed;
}

export function useFeedState(): FeedState {
  const feed = useEventFeed();
  return useSyncExternalStore(
    feed.subscribeState,
    () => feed.state,
    () => "connecting" as const,
  );
}

/** Milliseconds between polls while events do not arrive; false while they do. */
export function usePollInterval(): number | false {
  const state = useFeedState();
  return state === "live" || state === "connecting" ? false : POLL_MILLISECONDS;
}

/** Call the listener with each batch of events; it must keep its identity between renders. */
export function useEvents(listener: EventListener): void {
  const feed = useEventFeed();
  useEffect(() => feed.subscribe(listener), [feed, listener]);
}
