import { useState } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { useTexts } from "../texts";
import { AskReason } from "./ask";
import { Notice } from "./notice";

export interface Action {
  title: string;
  lead: ComponentChildren;
  action: string;
  done: string;
  /** Does it; answers why it was not done, or null. Throws a refusal. */
  act: (reason: string) => Promise<string | null>;
}

/** A page's one dialog and one sentence about the last thing done. */
export function useAction(reload: () => Promise<void>): { start: (action: Action) => void; view: ComponentChildren } {
  const { t } = useTexts();
  const [asked, setAsked] = useState<Action | null>(null);
  const [said, setSaid] = useState<{ kind: "good" | "bad"; text: string } | null>(null);
  const view = (
    <>
      {said !== null && <Notice kind={said.kind} id="said">{said.text}</Notice>}
      {asked !== null && (
        <AskReason title={asked.title} lead={asked.lead} action={asked.action} onClose={() => setAsked(null)} act={async (reason) => {
          const whyNot = await asked.act(reason);
          setSaid(whyNot === null ? { kind: "good", text: asked.done } : { kind: "bad", text: `${t.notDone}: ${t.whyNot[whyNot] ?? whyNot}` });
          await reload();
        }} />
      )}
    </>
  );
  return { start: (action) => { setSaid(null); setAsked(action); }, view };
}
