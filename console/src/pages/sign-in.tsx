import { useState } from "preact/hooks";
import type { TargetedSubmitEvent } from "preact";
import { Notice } from "../parts/notice";
import { useClient } from "../supabase";
import { useTexts } from "../texts";

export function SignIn(props: { onLanguage: () => void }) {
  const { t } = useTexts();
  const client = useClient();
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  async function submit(event: TargetedSubmitEvent<HTMLFormElement>) {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    setBusy(true);
    setProblem(null);
    const { error } = await client.auth.signInWithPassword({
      email: String(fields.get("email")), password: String(fields.get("password")),
    });
    setBusy(false);
    if (error !== null) setProblem(error.code === "invalid_credentials" || error.status === 400 ? t.wrongPassword : `${t.unreachable}: ${error.message}`);
  }

  return (
    <main class="alone">
      <form class="card door" onSubmit={(event) => void submit(event)}>
        <img src="./icon.svg" alt="" width="44" height="44" />
        <h1>{t.title}</h1>
        <p class="soft">{t.signInLead}</p>
        <label>{t.email}<input name="email" type="email" autocomplete="username" required /></label>
        <label>{t.password}<input name="password" type="password" autocomplete="current-password" required /></label>
        {problem !== null && <Notice kind="bad">{problem}</Notice>}
        <button type="submit" class="main" disabled={busy}>{t.signIn}</button>
        <button type="button" class="quiet" id="language" lang={t.languageCode} onClick={props.onLanguage}>{t.language}</button>
      </form>
    </main>
  );
}

/** Somebody who is not an admin: no section, no question to the database. */
export function NotAdmin(props: { email: string; onLanguage: () => void }) {
  const { t } = useTexts();
  const client = useClient();
  return (
    <main class="alone">
      <section class="card door">
        <h1>{t.notAdmin}</h1>
        <p class="soft">{t.notAdminLead}</p>
        <p>{props.email}</p>
        <button type="button" class="main" id="sign-out" onClick={() => void client.auth.signOut({ scope: "local" })}>{t.signOut}</button>
        <button type="button" class="quiet" id="language" lang={t.languageCode} onClick={props.onLanguage}>{t.language}</button>
      </section>
    </main>
  );
}
