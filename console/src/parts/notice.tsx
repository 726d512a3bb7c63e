import type { ComponentChildren } from "preact";
import type { Loaded } from "../data/load";
import { refusal } from "../data/errors";
import { useTexts } from "../texts";

/** One sentence about what happened; read aloud when it appears. */
export function Notice(props: { kind: "good" | "bad" | "wait"; children: ComponentChildren; id?: string }) {
  return <p class={`notice ${props.kind}`} id={props.id} role={props.kind === "bad" ? "alert" : "status"}>{props.children}</p>;
}

/** What is loaded, or why not yet. */
export function Show<T>(props: { loaded: Loaded<T>; reload: () => void; children: (value: T) => ComponentChildren }) {
  const { t, language } = useTexts();
  if (props.loaded.state === "ready") return <>{props.children(props.loaded.value)}</>;
  if (props.loaded.state === "loading") return <p class="soft pending" role="status">{t.loading}</p>;
  return (
    <div class="card">
      <Notice kind="bad">{t.failedToLoad} {refusal(props.loaded.error, language === "ko", t).message}</Notice>
      <button type="button" onClick={props.reload}>{t.again}</button>
    </div>
  );
}
