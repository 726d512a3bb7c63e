import { useEffect, useRef, useState } from "preact/hooks";
import type { ComponentChildren, TargetedSubmitEvent } from "preact";
import { refusal } from "../data/errors";
import { useTexts } from "../texts";
import { Notice } from "./notice";

/**
 * Ask for a reason before something is done, in a native dialog: focus stays inside, Escape closes, the opener gets
 * the focus back. `act` does it; what it throws is shown and the dialog stays.
 */
export function AskReason(props: {
  title: string; lead: ComponentChildren; action: string; act: (reason: string) => Promise<void>; onClose: () => void;
}) {
  const { t, language } = useTexts();
  const dialog = useRef<HTMLDialogElement>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => dialog.current?.showModal(), []);

  async function submit(event: TargetedSubmitEvent<HTMLFormElement>) {
    event.preventDefault();
    const reason = String(new FormData(event.currentTarget).get("reason")).trim();
    setBusy(true);
    setProblem(null);
    try {
      await props.act(reason);
      dialog.current?.close();
    } catch (error) {
      setProblem(refusal(error, language === "ko", t).message);
    }
    setBusy(false);
  }

  return (
    <dialog ref={dialog} onClose={props.onClose} aria-labelledby="ask-title">
      <form onSubmit={(event) => void submit(event)}>
        <h2 id="ask-title">{props.title}</h2>
        <p>{props.lead}</p>
        <label>{t.reason}<input name="reason" required maxLength={200} autocomplete="off" autofocus aria-describedby="ask-hint" /></label>
        <p class="soft small" id="ask-hint">{t.reasonHint}</p>
        {problem !== null && <Notice kind="bad">{problem}</Notice>}
        <div class="row end">
          <button type="button" onClick={() => dialog.current?.close()}>{t.cancel}</button>
          <button type="submit" class="main" disabled={busy}>{props.action}</button>
        </div>
      </form>
    </dialog>
  );
}
