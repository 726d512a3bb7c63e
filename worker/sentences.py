"""Decides what a code says to people, in English and in Korean: PortOne's error types and our own.

PortOne's own ``message`` is optional and never shown (OpenAPI: every error). An English text that names a field or a
number is made where the error is; its Korean sentence is found here by code. Transport codes have none: customers never
see them as final answers.
"""

from __future__ import annotations

from typing import Final

# PortOne's error types (OpenAPI, all operations this project uses, plus the idempotency docs).
PORTONE: Final[dict[str, tuple[str, str]]] = {
    "INVALID_REQUEST": ("PortOne could not accept the request as it was sent; the shop's developer must look at it.", "요청 형식이 올바르지 않아 PortOne이 처리하지 못했습니다. 쇼핑몰 개발자의 확인이 필요합니다."),
    "FORBIDDEN": ("PortOne does not allow this API secret to do that; check its store and permissions in the PortOne console.", "이 API 시크릿에는 권한이 없습니다. PortOne 콘솔에서 상점과 권한을 확인해 주세요."),
    "PG_PROVIDER": ("The card company, bank or payment company refused it; its own reason is in pg_message.", "카드사, 은행 또는 결제대행사가 거절했습니다. 자세한 사유는 pg_message를 확인해 주세요."),
    "CHANNEL_SPECIFIC": ("At least one payment company of this saved card refused it; its own reason is in pg_message.", "등록된 결제 채널 중 일부가 거절했습니다. 자세한 사유는 pg_message를 확인해 주세요."),
    "IDEMPOTENCY_OUTSTANDING_REQUEST": ("PortOne is still working on this request.", "PortOne이 아직 이 요청을 처리하고 있습니다."),
    "ALREADY_PAID": ("This payment has been paid already.", "이미 결제된 건입니다."),
    "ALREADY_PAID_OR_WAITING": ("This payment has been paid already or waits for its deposit.", "이미 결제되었거나 입금을 기다리는 건입니다."),
    "PAYMENT_ALREADY_CANCELLED": ("This payment has been refunded in full already.", "이미 전액 취소된 결제입니다."),
    "CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN": ("Another refund changed what is left of this payment in the meantime.", "다른 취소가 먼저 처리되어 취소 가능 금액이 달라졌습니다."),
    "PAYMENT_NOT_WAITING_FOR_DEPOSIT": ("This virtual account does not wait for a deposit any more.", "입금 대기 중인 가상계좌가 아닙니다."),
    "BILLING_KEY_ALREADY_DELETED": ("This saved card has been deleted already; register the card again.", "이미 삭제된 카드입니다. 카드를 다시 등록해 주세요."),
    "IDENTITY_VERIFICATION_ALREADY_VERIFIED": ("This identity check is finished already.", "이미 완료된 본인인증입니다."),
    "PAYMENT_SCHEDULE_ALREADY_REVOKED": ("This scheduled payment has been cancelled already.", "이미 취소된 예약 결제입니다."),
    "PAYMENT_NOT_FOUND": ("PortOne does not know this payment in this store.", "이 상점에 해당 결제 내역이 없습니다."),
    "PAYMENT_CANCELLATION_NOT_FOUND": ("PortOne does not know this refund.", "해당 취소 내역이 없습니다."),
    "PAYMENT_SCHEDULE_NOT_FOUND": ("PortOne does not know this scheduled payment.", "해당 예약 결제가 없습니다."),
    "BILLING_KEY_NOT_FOUND": ("PortOne does not know this saved card in this store; register the card again.", "등록된 카드를 찾을 수 없습니다. 카드를 다시 등록해 주세요."),
    "BILLING_KEY_NOT_ISSUED": ("This card was never fully registered; register it again.", "카드 등록이 완료되지 않았습니다. 다시 등록해 주세요."),
    "IDENTITY_VERIFICATION_NOT_FOUND": ("PortOne does not know this identity check; start a new one.", "본인인증 내역을 찾을 수 없습니다. 처음부터 다시 시도해 주세요."),
    "IDENTITY_VERIFICATION_NOT_SENT": ("No code has been sent for this identity check yet; send one first.", "아직 인증 요청을 보내지 않았습니다. 먼저 인증번호를 요청해 주세요."),
    "CHANNEL_NOT_FOUND": ("PortOne does not know the configured channel key; copy it again from the PortOne console.", "설정된 채널 키가 없습니다. PortOne 콘솔에서 채널 키를 다시 확인해 주세요."),
    "WEBHOOK_NOT_FOUND": ("PortOne has no webhook to send again for this payment.", "다시 보낼 웹훅이 없습니다."),
    "INVALID_PAYMENT_TOKEN": ("The approval token of this payment is wrong or has expired; pay again.", "결제 승인 토큰이 올바르지 않거나 만료되었습니다. 다시 결제해 주세요."),
    "NEGATIVE_PROMOTION_ADJUSTED_CANCEL_AMOUNT": ("After taking the discount back nothing would be left to refund.", "할인 금액을 제외하면 취소할 금액이 없습니다."),
    "PROMOTION_DISCOUNT_RETAIN_OPTION_SHOULD_NOT_BE_CHANGED": ("The discount of this payment must be treated as in its earlier refund.", "이전 취소와 같은 할인 유지 방식으로 취소해야 합니다."),
    "PROMOTION_PAY_METHOD_DOES_NOT_MATCH": ("The promotion does not hold for this pay method.", "이 결제수단에는 적용할 수 없는 프로모션입니다."),
    "DISCOUNT_AMOUNT_EXCEEDS_TOTAL_AMOUNT": ("The discount is larger than the price.", "할인 금액이 결제 금액보다 큽니다."),
    "MAX_TRANSACTION_COUNT_REACHED": ("Too many tries under this number; start again.", "시도 횟수를 초과했습니다. 처음부터 다시 시도해 주세요."),
    "MAX_WEBHOOK_RETRY_COUNT_REACHED": ("PortOne does not send this webhook any more.", "웹훅 재발송 횟수를 초과했습니다."),
    "PAYMENT_NOT_PAID": ("This payment has not been paid, so nothing can be refunded.", "결제가 완료되지 않아 취소할 수 없습니다."),
    "CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT": ("The refund is larger than what is left of the payment.", "취소 금액이 취소 가능 금액보다 큽니다."),
    "SUM_OF_PARTS_EXCEEDS_CANCEL_AMOUNT": ("Tax-free part and VAT together are larger than the refund.", "면세 금액과 부가세의 합이 취소 금액보다 큽니다."),
    "SUM_OF_PARTS_EXCEEDS_TOTAL_AMOUNT": ("Tax-free part and VAT together are larger than the price.", "면세 금액과 부가세의 합이 결제 금액보다 큽니다."),
    "CANCEL_TAX_FREE_AMOUNT_EXCEEDS_CANCELLABLE_TAX_FREE_AMOUNT": ("The tax-free part of the refund is larger than what is left of it.", "취소할 면세 금액이 남은 면세 금액보다 큽니다."),
    "CANCEL_TAX_AMOUNT_EXCEEDS_CANCELLABLE_TAX_AMOUNT": ("The taxed part of the refund is larger than what is left of it.", "취소할 과세 금액이 남은 과세 금액보다 큽니다."),
    "MAX_CANCEL_COUNT_REACHED": ("This payment cannot be refunded in any more parts.", "부분 취소 가능 횟수를 초과했습니다."),
    "PAYMENT_CANCELLATION_NOT_PENDING": ("This refund is decided already.", "이미 처리가 끝난 취소입니다."),
    "INFORMATION_MISMATCH": ("Amount, currency or channel differ from what the customer approved; nothing was charged.", "승인 요청 정보가 결제 정보와 일치하지 않아 결제하지 않았습니다."),
    "PAYMENT_SCHEDULE_ALREADY_EXISTS": ("There are scheduled payments already; cancel them first.", "이미 예약된 결제가 있습니다. 먼저 예약을 취소해 주세요."),
    "PAYMENT_SCHEDULE_ALREADY_PROCESSED": ("This scheduled payment has been executed already; refund it instead.", "이미 실행된 예약 결제입니다. 결제를 취소해 주세요."),
    "BILLING_KEY_ALREADY_ISSUED": ("This card has been registered already.", "이미 등록된 카드입니다."),
    "IDENTITY_VERIFICATION_ALREADY_SENT": ("A code has been sent already; ask for it to be sent again instead.", "이미 인증 요청을 보냈습니다. 재전송을 이용해 주세요."),
}  # fmt: skip

# Our own codes, the worker's and the database's; English is written where the error is made, with names and numbers.
OWN: Final[dict[str, str]] = {
    "ADMIN_REQUIRED": "관리자만 할 수 있습니다.",
    "AMOUNT_NOT_POSITIVE": "금액은 0보다 커야 합니다.",
    "AMOUNT_NOT_WHOLE": "금액은 정수여야 합니다.",
    "AMOUNT_OUT_OF_RANGE": "처리할 수 없는 금액입니다.",
    "BILLING_KEY_ALREADY_REGISTERED": "이미 등록이 끝난 카드입니다.",
    "BILLING_KEY_EXPIRED": "유효기간이 지난 카드입니다. 다른 카드를 선택해 주세요.",
    "BILLING_KEY_INACTIVE": "사용할 수 없는 카드입니다. 다른 카드를 선택해 주세요.",
    "BILLING_KEY_IS_DEFAULT": "기본 카드입니다. 먼저 다른 카드를 기본으로 설정해 주세요.",
    "BILLING_KEY_NOT_YOURS": "본인이 요청한 카드 등록이 아닙니다. 카드를 다시 등록해 주세요.",
    "BILLING_KEY_REQUIRED": "카드 등록 결과를 보내 주세요.",
    "BILLING_KEY_STILL_THERE": "카드 삭제를 확인하고 있습니다.",
    "BODY_TOO_LARGE": "요청이 너무 큽니다.",
    "BODY_UNREADABLE": "요청을 읽을 수 없습니다.",
    "CANCELLATION_NOT_FOUND": "취소 내역을 찾을 수 없습니다.",
    "CANCELLATION_NOT_PENDING": "진행 중인 취소가 아닙니다.",
    "CANCELLATION_NOT_STOPPABLE": "이 결제사의 취소 요청은 중단할 수 없습니다.",
    "CANCELLATION_STOPPED": "취소 요청을 중단했습니다.",
    "CANCELLATION_FAILED": "결제 취소에 실패했습니다.",
    "CANCEL_DEADLINE_PASSED": "취소할 수 있는 기한이 지났습니다.",
    "CANCEL_NOT_ALLOWED": "이 결제를 취소할 권한이 없습니다. 쇼핑몰에 문의해 주세요.",
    "CHANNEL_KIND_MISMATCH": "테스트 채널과 실결제 채널이 섞여 있어 처리하지 않았습니다. 쇼핑몰 설정을 확인해 주세요.",
    "CONSENT_REQUIRED": "동의가 필요합니다.",
    "DATABASE_BUSY": "잠시 후 다시 시도해 주세요.",
    "DATABASE_FAULT": "일시적인 오류입니다. 잠시 후 다시 시도해 주세요.",
    "DATABASE_NOT_REACHABLE": "데이터베이스에 연결할 수 없습니다. 잠시 후 다시 시도해 주세요.",
    "IDEMPOTENCY_KEY_INVALID": "idempotency_key 형식이 올바르지 않습니다.",
    "IDEMPOTENCY_KEY_REUSED": "다른 요청에 이미 사용된 idempotency_key입니다.",
    "IDENTITY_HASH_KEY_MISSING": "본인인증 설정이 완료되지 않았습니다. 쇼핑몰에 문의해 주세요.",
    "IDENTITY_NOT_USABLE": "사용할 수 있는 본인인증이 없습니다. 다시 인증해 주세요.",
    "IDENTITY_VERIFICATION_EXPIRED": "본인인증 유효 시간이 지났습니다. 다시 인증해 주세요.",
    "IDENTITY_VERIFICATION_FAILED": "본인인증에 실패했습니다.",
    "IDENTITY_VERIFICATION_NOT_FINISHED": "본인인증이 아직 완료되지 않았습니다.",
    "INTERNAL_ERROR": "처리 중 오류가 발생했습니다.",
    "INVALID_INPUT": "입력값을 확인해 주세요.",
    "INVALID_TOKEN": "로그인이 만료되었습니다. 다시 로그인해 주세요.",
    "ISSUE_NOT_FOUND": "카드 등록 요청을 찾을 수 없습니다. 처음부터 다시 등록해 주세요.",
    "METHOD_NOT_ALLOWED": "허용되지 않는 요청 방식입니다.",
    "NOT_CONFIGURED": "결제 서비스 설정이 완료되지 않았습니다. 쇼핑몰에 문의해 주세요.",
    "NOT_EXECUTED": "PortOne에서 처리되지 않았습니다. 금액은 움직이지 않았습니다.",
    "NOT_FOUND": "찾을 수 없습니다.",
    "NOT_JSON": "JSON 형식으로 보내 주세요.",
    "OPERATION_NOT_FOUND": "요청 내역을 찾을 수 없습니다.",
    "ORDER_ALREADY_PAID": "이미 결제된 주문입니다.",
    "ORDER_HAS_NO_PRICE": "결제할 금액이 없는 주문입니다.",
    "ORDER_HAS_OPEN_PAYMENT": "이 주문은 이미 결제가 진행 중입니다.",
    "ORDER_ID_REQUIRED": "주문 번호를 보내 주세요.",
    "ORDER_NOT_FOUND": "주문을 찾을 수 없습니다.",
    "PAYMENT_ID_REQUIRED": "결제 번호를 보내 주세요.",
    "PAYMENT_NOT_CONFIRMABLE": "지금은 승인할 수 없는 결제입니다.",
    "PAYMENT_TOKEN_REQUIRED": "결제 승인 토큰을 보내 주세요.",
    "PAY_METHOD_NOT_CONFIGURED": "이 쇼핑몰에서 사용할 수 없는 결제수단입니다.",
    "PAY_METHOD_UNKNOWN": "알 수 없는 결제수단입니다.",
    "PORTONE_CONNECTION_LOST": "PortOne과의 연결이 끊어졌습니다. 잠시 후 다시 시도해 주세요.",
    "PORTONE_RATE_LIMITED": "요청이 많습니다. 잠시 후 다시 시도해 주세요.",
    "PORTONE_TIMEOUT": "PortOne의 응답이 늦어지고 있습니다. 잠시 후 다시 시도해 주세요.",
    "PORTONE_UNAVAILABLE": "PortOne에 일시적인 문제가 있습니다. 잠시 후 다시 시도해 주세요.",
    "PORTONE_UNREACHABLE": "PortOne에 연결할 수 없습니다. 잠시 후 다시 시도해 주세요.",
    "PURPOSE_REQUIRED": "본인인증의 용도를 보내 주세요.",
    "REASON_REQUIRED": "취소 사유를 입력해 주세요.",
    "REFUND_ACCOUNT_HOLDER_INVALID": "환불 계좌의 예금주 이름을 확인해 주세요.",
    "REFUND_ACCOUNT_NOT_USED": "환불 계좌가 필요하지 않은 결제입니다.",
    "REFUND_ACCOUNT_NUMBER_INVALID": "환불 계좌번호는 숫자만 입력해 주세요.",
    "REFUND_ACCOUNT_PHONE_INVALID": "예금주 전화번호는 숫자만 입력해 주세요.",
    "REFUND_ACCOUNT_REQUIRED": "환불받을 계좌를 입력해 주세요.",
    "REFUND_BANK_UNKNOWN": "환불 계좌의 은행을 확인해 주세요.",
    "SAME_PERSON": "다른 계정에서 이미 본인인증한 사람입니다.",
    "SCHEDULE_IS_OVER": "이미 끝난 예약 결제입니다.",
    "SCHEDULE_NOT_FOUND": "예약 결제를 찾을 수 없습니다.",
    "SIGN_IN_REQUIRED": "로그인이 필요합니다.",
    "STEP_UNKNOWN": "알 수 없는 본인인증 단계입니다.",
    "TAX_FREE_AMOUNT_REQUIRED": "취소할 면세 금액을 입력해 주세요.",
    "TIME_TO_PAY_OUT_OF_RANGE": "예약할 수 없는 시각입니다.",
    "TOKEN_REQUIRED": "로그인이 필요합니다.",
    "TOO_MANY_REQUESTS": "요청이 너무 많습니다. 나중에 다시 시도해 주세요.",
    "UNAUTHORIZED": "PortOne API 시크릿이 만료되었거나 올바르지 않습니다. 쇼핑몰 설정을 확인해 주세요.",
}


def english(code: str) -> str | None:
    """Return what one of PortOne's error types says, or None for a code this version does not know."""
    known = PORTONE.get(code)
    return known[0] if known is not None else None


def korean(code: str) -> str | None:
    """Return the Korean sentence of a code, or None where there is none."""
    known = PORTONE.get(code)
    return known[1] if known is not None else OWN.get(code)
