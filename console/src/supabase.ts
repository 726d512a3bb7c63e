import { createClient, type Session, type SupabaseClient } from "@supabase/supabase-js";
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Database } from "../../supabase/types/database";
import type { Config } from "./config";

export type Client = SupabaseClient<Database>;
export type Views = Database["public"]["Views"];
export type Tables = Database["public"]["Tables"];

export function connect(config: Config): Client {
  return createClient<Database>(config.supabaseUrl, config.supabasePublishableKey, {
    auth: { storageKey: "portone-console", detectSessionInUrl: false },
  });
}

/**
 * Whether the signed-in person is an admin, as the token's issuer says. It only decides what is drawn: what can be
 * read and done is decided by row level security and the functions, whatever this page believes.
 */
export const isAdmin = (session: Session): boolean => session.user.app_metadata["role"] === "admin";

export const ClientContext = createContext<Client | null>(null);

export function useClient(): Client {
  const client = useContext(ClientContext);
  if (client === null) throw new Error("no client above this component");
  return client;
}
