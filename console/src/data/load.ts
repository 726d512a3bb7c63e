import { useCallback, useEffect, useRef, useState } from "preact/hooks";

export type Loaded<T> = { state: "loading" } | { state: "failed"; error: unknown } | { state: "ready"; value: T };

/**
 * Load something whenever `keys` change, and again when asked. What is shown stays until the new answer is there; an
 * answer to an older question is thrown away.
 */
export function useLoaded<T>(load: () => Promise<T>, keys: unknown[]): { loaded: Loaded<T>; reload: () => Promise<void> } {
  const [loaded, setLoaded] = useState<Loaded<T>>({ state: "loading" });
  const newest = useRef(0);
  const run = useCallback(async () => {
    const number = ++newest.current;
    let next: Loaded<T>;
    try {
      next = { state: "ready", value: await load() };
    } catch (error) {
      next = { state: "failed", error };
    }
    if (number === newest.current) setLoaded(next);
  }, keys);
  useEffect(() => {
    setLoaded({ state: "loading" });
    void run();
  }, [run]);
  return { loaded, reload: run };
}

/** The rows of a PostgREST answer. Throws its error. */
export function rows<T>(answer: { data: T | null; error: unknown }): T {
  if (answer.error !== null && answer.error !== undefined) throw answer.error;
  return answer.data as T;
}
