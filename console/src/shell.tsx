import { useEffect, useRef } from "preact/hooks";
import { Findings } from "./pages/findings";
import { Jobs } from "./pages/jobs";
import { Overview } from "./pages/overview";
import { Payment } from "./pages/payment";
import { Payments } from "./pages/payments";
import { Webhooks } from "./pages/webhooks";
import { href, useRoute } from "./router";
import { useClient } from "./supabase";
import { useTexts } from "./texts";

const SECTIONS = ["overview", "payments", "webhooks", "jobs", "findings"] as const;

/** The frame around every page: name, sections, language, way out. */
export function Shell(props: { email: string; onLanguage: () => void }) {
  const { t } = useTexts();
  const client = useClient();
  const route = useRoute();
  const main = useRef<HTMLElement>(null);
  const section = SECTIONS.find((name) => name === (route.path[0] ?? "overview")) ?? "overview";
  const place = route.path.join("/");
  const first = useRef(true);
  useEffect(() => {
    // Whoever reads with a screen reader or the keyboard arrives in the new page, not in the menu.
    if (first.current) first.current = false;
    else main.current?.focus();
    scrollTo(0, 0);
  }, [place]);

  return (
    <>
      <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); main.current?.focus(); }}>{t.skip}</a>
      <header class="top">
        <a class="brand" href="#/"><img src="./icon.svg" alt="" width="28" height="28" />{t.title}</a>
        <nav aria-label={t.menu}>
          {SECTIONS.map((name) => (
            <a key={name} href={href(name === "overview" ? [] : [name])} aria-current={name === section ? "page" : undefined}>{t.nav[name]}</a>
          ))}
        </nav>
        <div class="who">
          <span class="soft mail" title={props.email}>{props.email}</span>
          <button type="button" class="quiet" id="language" lang={t.languageCode} onClick={props.onLanguage}>{t.language}</button>
          <button type="button" class="quiet" id="sign-out" onClick={() => void client.auth.signOut({ scope: "local" })}>{t.signOut}</button>
        </div>
      </header>
      <main ref={main} id="main" tabIndex={-1}>
        {section === "overview" ? <Overview />
          : section === "payments" ? (route.path[1] !== undefined ? <Payment key={route.path[1]} id={route.path[1]} /> : <Payments query={route.query} />)
          : section === "webhooks" ? <Webhooks query={route.query} />
          : section === "jobs" ? <Jobs />
          : <Findings />}
        <p class="soft foot">{t.seoul}</p>
      </main>
    </>
  );
}
