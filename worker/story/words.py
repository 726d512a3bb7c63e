"""Every sentence of a payment's story, in English and Korean."""

from __future__ import annotations

from typing import Final

from worker.language import Words

KINDS: Final[dict[str, Words]] = {
    "prepare_payment": Words("payment", "결제 준비"),
    "complete_payment": Words("read-back", "결제 확인"),
    "sync_payment": Words("read-back", "결제 확인"),
    "confirm_payment": Words("approval", "결제 승인"),
    "cancel_payment": Words("refund", "환불"),
    "close_virtual_account": Words("closing of the virtual account", "가상계좌 말소"),
    "charge_billing_key": Words("charge of a saved card", "등록 카드 결제"),
    "create_schedule": Words("scheduled payment", "예약 결제"),
    "revoke_schedule": Words("end of the scheduled payment", "예약 결제 취소"),
    "stop_cancellation": Words("stop of a refund", "환불 중단"),
    "register_billing_key": Words("registration of a card", "카드 등록"),
    "delete_billing_key": Words("deletion of a saved card", "등록 카드 삭제"),
    "sync_billing_key": Words("read-back of a saved card", "등록 카드 확인"),
    "complete_identity": Words("identity check", "본인인증 확인"),
    "read_identity": Words("read-back of an identity check", "본인인증 확인"),
    "sweep_payments": Words("comparison with PortOne's list", "PortOne 목록 비교"),
    "compare_payments": Words("comparison of the last 90 days", "최근 90일 비교"),
    "resend_webhook": Words("request to send a webhook again", "웹훅 재발송 요청"),
}

STATUSES: Final[dict[str, Words]] = {
    "preparing": Words("being prepared", "준비 중"),
    "ready": Words("waiting for the customer", "고객 결제 대기"),
    "pay_pending": Words("being paid", "결제 진행 중"),
    "virtual_account_issued": Words("waiting for the deposit", "입금 대기"),
    "paid": Words("paid", "결제 완료"),
    "failed": Words("failed", "결제 실패"),
    "partial_cancelled": Words("partly refunded", "부분 환불"),
    "cancelled": Words("refunded", "전액 환불"),
    "expired": Words("expired", "만료"),
    "unknown": Words("in a state PortOne calls by a new name", "알 수 없는 상태"),
}

ASKED: Final = Words("{kind} asked for by {who}", "{kind} 요청 ({who})")
SUCCEEDED: Final = Words("{kind} done", "{kind} 완료")
FAILED: Final = Words("{kind} failed: {why}", "{kind} 실패: {why}")
SHOP: Final = Words("the shop's server", "쇼핑몰 서버")
USER: Final = Words("user {user}", "사용자 {user}")

STATUS_CHANGED: Final = Words("PortOne: {to} (was: {before})", "PortOne: {before}에서 {to}(으)로 변경")
STATUS_SET: Final = Words("now {to} (was: {before})", "{before}에서 {to}(으)로 변경")
EVENTS: Final[dict[str, Words]] = {
    "order_settled": Words("order fulfilled", "주문 처리 완료"),
    "discrepancy_found": Words(
        "not what was expected ({what}): the order was not fulfilled",
        "예상과 다릅니다({what}): 주문을 처리하지 않았습니다",
    ),
    "reservation_overtaken": Words(
        "somebody cancelled at PortOne first: the refund holds less",
        "PortOne에서 먼저 취소되어 환불 예정 금액이 줄었습니다",
    ),
    "cancellation_succeeded": Words("PortOne refunded {amount}", "PortOne이 {amount}을 환불했습니다"),
    "cancellation_failed": Words(
        "refund of {amount} did not happen", "{amount} 환불이 이루어지지 않았습니다"
    ),
    "cancellation_requested": Words(
        "PortOne took the refund of {amount} and works on it", "PortOne이 {amount} 환불을 접수했습니다"
    ),
    "dispute_opened": Words("the customer disputes the payment", "고객이 이의를 제기했습니다"),
    "dispute_resolved": Words("the dispute is resolved", "이의 제기가 해결되었습니다"),
}

REFUNDS: Final[dict[str, Words]] = {
    "reserved": Words("refund of {amount} held, not sent yet", "{amount} 환불 예정, 아직 보내지 않음"),
    "requested": Words(
        "refund of {amount} sent, PortOne works on it", "{amount} 환불 요청함, PortOne 처리 중"
    ),
    "unknown": Words(
        "refund of {amount} sent, the answer was lost", "{amount} 환불 요청함, 응답을 받지 못함"
    ),
    "succeeded": Words("refund of {amount}: done", "{amount} 환불: 완료"),
    "failed": Words("refund of {amount}: failed", "{amount} 환불: 실패"),
}
REASON: Final = Words("reason: {reason}", "사유: {reason}")

WEBHOOKS: Final[dict[str, Words]] = {
    "received": Words("webhook {kind} came, waits to be worked on", "웹훅 {kind} 수신, 처리 대기"),
    "processed": Words("webhook {kind} came, done after {lag}", "웹훅 {kind} 수신, {lag} 만에 처리"),
    "failed": Words(
        "webhook {kind} came, could not be worked on: {why}", "웹훅 {kind} 수신, 처리 실패: {why}"
    ),
    "skipped": Words(
        "webhook {kind} came, nothing to do ({why})", "웹훅 {kind} 수신, 처리할 것 없음 ({why})"
    ),
}
SENT: Final = Words(
    "sent to PortOne: {kind}, try {number}: {outcome}", "PortOne에 보냄: {kind}, {number}번째: {outcome}"
)
OUTCOMES: Final[dict[str, Words]] = {
    "succeeded": Words("accepted", "승인됨"),
    "requested": Words("taken, result later", "접수됨"),
    "failed": Words("refused", "거절됨"),
    "unknown": Words("no answer", "응답 없음"),
    "": Words("nothing known yet", "아직 알 수 없음"),
}

# What is open ---------------------------------------------------------------------------------------------------------

JOB: Final[dict[str, Words]] = {
    "ready": Words(
        "{kind} (job {id}) waits for a worker, since {age}", "{kind}(작업 {id}): 작업자 대기 {age}째"
    ),
    "running": Words(
        "{kind} (job {id}) is being worked on by {worker}", "{kind}(작업 {id}): {worker}에서 처리 중"
    ),
    "waiting": Words("{kind} (job {id}) waits for job {first}", "{kind}(작업 {id}): 작업 {first} 완료 대기"),
    "backoff": Words(
        "{kind} (job {id}) failed {failures} times, runs again in {next}",
        "{kind}(작업 {id}): {failures}번 실패, {next} 후 다시 시도",
    ),
    "scheduled": Words("{kind} (job {id}) runs in {next}", "{kind}(작업 {id}): {next} 후 실행"),
    "dead": Words(
        "{kind} (job {id}) gave up {age} ago ({reason})", "{kind}(작업 {id}): {age} 전 중단됨 ({reason})"
    ),
}
LAST_ERROR: Final = Words("last error: {why}", "마지막 오류: {why}")
NO_WORKER: Final = Words(
    "No worker takes it: is `portone-worker serve` or `work` running? `portone-worker status` and its log say why.",
    "처리할 작업자가 없습니다. `portone-worker serve` 또는 `work`가 실행 중인지 확인하세요. `portone-worker status`와 로그에 이유가 있습니다.",
)
DEAD_ADVICE: Final = Words(
    "Look up its reason in docs/operations.md, then `portone-worker jobs retry {id}`.",
    "docs/operations.md에서 이유를 확인한 뒤 `portone-worker jobs retry {id}`를 실행하세요.",
)
REPEATED: Final = Words(
    "The same request is repeated with the same key until {until}, so it cannot happen twice; after that PortOne's own list decides.",
    "{until}까지 같은 키로 같은 요청을 다시 보냅니다(두 번 처리되지 않습니다). 그 뒤에는 PortOne의 내역으로 결정합니다.",
)
READ_ONLY: Final = Words(
    "Nothing is sent any more: PortOne's own list decides, or a person.",
    "더 이상 요청을 보내지 않습니다. PortOne의 내역이나 담당자가 결정합니다.",
)
PG_WORKS: Final = Words(
    "PortOne took it; some payment companies need days. Nothing to do here.",
    "PortOne이 접수했습니다. 결제사에 따라 며칠 걸릴 수 있습니다. 할 일은 없습니다.",
)
HELD: Final = Words("{amount} stays held meanwhile.", "그동안 {amount}은 다시 환불할 수 없습니다.")
FINDING: Final = Words("needs a person: {kind} (since {age})", "담당자 확인 필요: {kind} ({age}째)")
FINDING_ADVICE: Final = Words(
    'docs/operations.md, "Is what we say what PortOne says", tells what to do about {kind}.',
    'docs/operations.md의 "Is what we say what PortOne says"에서 {kind} 처리 방법을 확인하세요.',
)
WEBHOOK_WAITS: Final = Words("webhook {kind} waits to be worked on", "웹훅 {kind} 처리 대기")
CALM: Final = Words(
    "Nothing is open: no refund, no job, no finding.", "대기 중인 환불, 작업, 확인 사항이 없습니다."
)
HAPPENED: Final = Words("What happened", "처리 내역")
OPEN: Final = Words("Still open", "진행 중")
UNKNOWN_HERE: Final = Words(
    "This project has no such payment, but PortOne has sent webhooks about it.",
    "등록되지 않은 결제이지만 PortOne에서 웹훅이 왔습니다.",
)
