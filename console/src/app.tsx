import type { Session } from "@supabase/supabase-js";
import { useEffect, useMemo, useState } from "preact/hooks";
import { loadConfig } from "./config";
import { Shell } from "./shell";
import { NotAdmin, SignIn } from "./pages/sign-in";
import { Notice } from "./parts/notice";
import { ClientContext, connect, isAdmin, type Client } from "./supabase";
import { firstLanguage, keepLanguage, LanguageContext, type Language } from "./texts";

/** Who is here decides what there is: nobody gets the sign-in form, a non-admin a way out, an admin the console. */
export function App() {
  const [language, setLanguage] = useState<Language>(firstLanguage);
  const [client, setClient] = useState<Client | null>(null);
  const [session, setSession] = useState<Session | null | undefined>(undefined);
  const [failure, setFailure] = useState<string | null>(null);

  useEffect(() => keepLanguage(language), [language]);
  useEffect(() => {
    loadConfig().then((config) => setClient(connect(config)), (error: unknown) => setFailure(String(error)));
  }, []);
  useEffect(() => {
    if (client === null) return;
    const { data } = client.auth.onAuthStateChange((_event, now) => setSession(now));
    return () => data.subscription.unsubscribe();
  }, [client]);

  const toggle = useMemo(() => () => setLanguage((now) => (now === "ko" ? "en" : "ko")), []);
  return (
    <LanguageContext.Provider value={language}>
      {failure !== null ? (
        <main class="alone"><Notice kind="bad">{failure}</Notice></main>
      ) : client === null || session === undefined ? (
        <main class="alone" aria-busy="true" />
      ) : (
        <ClientContext.Provider value={client}>
          {session === null ? <SignIn onLanguage={toggle} />
            : !isAdmin(session) ? <NotAdmin email={session.user.email ?? ""} onLanguage={toggle} />
            : <Shell email={session.user.email ?? ""} onLanguage={toggle} />}
        </ClientContext.Provider>
      )}
    </LanguageContext.Provider>
  );
}
