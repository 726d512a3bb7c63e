"""Every sentence about a setting that is wrong, in English and Korean: what is wrong, and what to put there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.language import Words, said

if TYPE_CHECKING:
    from collections.abc import Mapping


class SettingWrong(ValueError):
    """What is wrong with a setting and what to put there, in the language in use; ``values`` are never secrets."""

    def __init__(self, what: Words, /, **values: object) -> None:
        super().__init__(said(what, **values))


# One setting --------------------------------------------------------------------------------------------------------

NOT_JSON = Words("is not JSON; write {example}", "JSON이 아닙니다. 형식은 {example}")
NO_CHANNEL = Words(
    "is not a JSON object with at least one channel; write {example}",
    "채널이 하나 이상 있는 JSON 객체가 아닙니다. 형식은 {example}",
)
METHOD_UNKNOWN = Words(
    "has the unknown pay method {method!r}; use {methods}",
    "알 수 없는 결제수단 {method!r}이(가) 있습니다. 사용 가능: {methods}",
)
METHOD_KEYLESS = Words(
    "has no channel key for {method}; copy it from the PortOne console (channel-key-…)",
    "{method}의 채널 키가 없습니다. PortOne 콘솔에서 복사하세요 (channel-key-…)",
)
NOT_OBJECT = Words("is not a JSON object; write {example}", "JSON 객체가 아닙니다. 형식은 {example}")
ENTRY = Words("entry {name!r} {problem}", "항목 {name!r}: {problem}")
OTHER_FIELDS = Words(
    "has other fields than api_secret and webhook_secrets; write {example}",
    "api_secret과 webhook_secrets 외의 필드가 있습니다. 형식은 {example}",
)
NO_API_SECRET = Words("has no api_secret; write {example}", "api_secret이 없습니다. 형식은 {example}")
NO_SECRET_LIST = Words(
    "has no list of webhook_secrets; write {example}", "webhook_secrets 목록이 없습니다. 형식은 {example}"
)
NOT_CHANNEL_KEY = Words(
    "is not a channel key; copy it from the PortOne console (channel-key-…)",
    "채널 키가 아닙니다. PortOne 콘솔에서 복사하세요 (channel-key-…)",
)
NOT_HASH_KEY = Words(
    "is not a 256-bit key; write the base64 of 32 random bytes",
    "256비트 키가 아닙니다. 임의의 32바이트를 base64로 넣으세요",
)
NOT_URL = Words(
    "is not an http(s) URL; write it like https://example.com",
    "http(s) 주소가 아닙니다. https://example.com 형식으로 넣으세요",
)
HAS_PATH = Words(
    "has a path; keep only scheme, host and port", "경로가 있습니다. 스킴, 호스트, 포트만 남기세요"
)
NOT_SECRET_KEY = Words(
    "is not a Supabase key; put the secret key here (sb_secret_…, dashboard: Settings > API keys)",
    "Supabase 키가 아닙니다. 시크릿 키를 넣으세요 (sb_secret_…, 대시보드: Settings > API keys)",
)
PUBLISHABLE_INSTEAD = Words(
    "is the publishable key; put the secret key here (sb_secret_…, dashboard: Settings > API keys)",
    "공개(publishable) 키입니다. 시크릿 키를 넣으세요 (sb_secret_…, 대시보드: Settings > API keys)",
)
NOT_PUBLISHABLE_KEY = Words(
    "is not a Supabase key; put the publishable key here (sb_publishable_…)",
    "Supabase 키가 아닙니다. 공개(publishable) 키를 넣으세요 (sb_publishable_…)",
)
SECRET_INSTEAD = Words(
    "is a secret key, which bypasses row level security; put the publishable key here (sb_publishable_…)",
    "RLS를 우회하는 시크릿 키입니다. 공개(publishable) 키를 넣으세요 (sb_publishable_…)",
)
WEBHOOK_SECRET_INSTEAD = Words(
    "is a webhook secret; put the V2 API secret from the PortOne console here",
    "웹훅 시크릿입니다. PortOne 콘솔의 V2 API 시크릿을 넣으세요",
)
NOT_API_SECRET = Words(
    "contains spaces or other characters no API secret has; copy it again",
    "API 시크릿에 없는 문자(공백 등)가 있습니다. 다시 복사하세요",
)
V1_STORE = Words(
    "is a V1 merchant code; put the V2 store id here (store-…)",
    "V1 가맹점 식별코드입니다. V2 상점 아이디를 넣으세요 (store-…)",
)
NOT_STORE = Words(
    "is not a store id; copy it from the PortOne console (store-…)",
    "상점 아이디가 아닙니다. PortOne 콘솔에서 복사하세요 (store-…)",
)
NOT_WEBHOOK_SECRET = Words(
    "has an entry that is not base64; copy the webhook secret from the PortOne console (whsec_…)",
    "base64가 아닌 항목이 있습니다. PortOne 콘솔에서 웹훅 시크릿을 복사하세요 (whsec_…)",
)
NOT_SEALING_KEY = Words(
    "is not a 256-bit key; write <key id>:<base64 of 32 random bytes>",
    "256비트 키가 아닙니다. <키 아이디>:<임의의 32바이트의 base64> 형식으로 넣으세요",
)
KEY_ID_TWICE = Words(
    "uses the key id {key_id!r} twice; give each key its own id",
    "키 아이디 {key_id!r}이(가) 두 번 쓰였습니다. 키마다 다른 아이디를 쓰세요",
)
NO_SEALING_KEY = Words(
    "is empty; write <key id>:<base64 of 32 random bytes>",
    "비어 있습니다. <키 아이디>:<임의의 32바이트의 base64> 형식으로 넣으세요",
)

# Settings that do not fit together ---------------------------------------------------------------------------------------

STORE_TWICE = Words(
    "PORTONE_STORES: names PORTONE_STORE_ID again; list only further stores, the main one has its own settings",
    "PORTONE_STORES: PORTONE_STORE_ID가 또 있습니다. 추가 상점만 적으세요. 기본 상점의 설정은 따로 있습니다",
)
HASH_KEY_NEEDED = Words(
    "IDENTITY_HASH_KEY: PORTONE_IDENTITY_CHANNEL needs it; write the base64 of 32 random bytes here",
    "IDENTITY_HASH_KEY: PORTONE_IDENTITY_CHANNEL에 필요합니다. 임의의 32바이트를 base64로 넣으세요",
)
MOCK_LIVE = Words(
    "MOCK_PAYMENTS: mock payments are never live; unset it or set ENVIRONMENT=test",
    "MOCK_PAYMENTS: 모의 결제는 실결제 환경에서 쓸 수 없습니다. 지우거나 ENVIRONMENT=test로 설정하세요",
)
MOCK_URL = Words(
    "PORTONE_API_URL: MOCK_PAYMENTS=true needs the simulator's URL here",
    "PORTONE_API_URL: MOCK_PAYMENTS=true이면 시뮬레이터 주소를 넣으세요",
)
OFFICIAL_URL = Words(
    "PORTONE_API_URL: only {url} takes real payments; remove it, or set MOCK_PAYMENTS=true",
    "PORTONE_API_URL: 실제 결제는 {url}에서만 됩니다. 지우거나 MOCK_PAYMENTS=true로 설정하세요",
)
READ_TIMEOUT = Words(
    "PORTONE_READ_TIMEOUT_SECONDS: PortOne asks for at least 60; raise it or remove it",
    "PORTONE_READ_TIMEOUT_SECONDS: PortOne은 60 이상을 요구합니다. 늘리거나 지우세요",
)
CRASH_LIVE = Words(
    "{variable}: crash points are for tests; unset it or set ENVIRONMENT=test",
    "{variable}: 시험용 설정입니다. 지우거나 ENVIRONMENT=test로 설정하세요",
)
NO_WEBHOOK_SECRET = Words(
    "is empty; put the webhook secret from the PortOne console here, several comma separated",
    "비어 있습니다. PortOne 콘솔의 웹훅 시크릿을 넣으세요. 여러 개는 쉼표로 구분합니다",
)

# What pydantic finds, by its error type ----------------------------------------------------------------------------------

_NATIVE: Final[dict[str, Words]] = {
    "missing": Words(
        "is not set; see .env.example for what belongs here",
        "설정되지 않았습니다. 넣을 값은 .env.example을 참고하세요",
    ),
    "literal_error": Words("must be one of {expected}", "가능한 값: {expected}"),
    "greater_than_equal": Words("must be at least {ge}", "{ge} 이상이어야 합니다"),
    "greater_than": Words("must be above {gt}", "{gt}보다 커야 합니다"),
    "less_than_equal": Words("must be at most {le}", "{le} 이하여야 합니다"),
    "string_too_short": Words(
        "must have at least {min_length} characters", "{min_length}자 이상이어야 합니다"
    ),
    "too_short": Words("must have at least {min_length} characters", "{min_length}자 이상이어야 합니다"),
    "int_parsing": Words("must be a whole number", "정수여야 합니다"),
    "float_parsing": Words("must be a number", "숫자여야 합니다"),
    "bool_parsing": Words("must be true or false", "true 또는 false여야 합니다"),
}
_OTHERWISE: Final = Words(
    "is not a value for this setting ({kind})", "이 설정에 쓸 수 없는 값입니다 ({kind})"
)


def problem_of(kind: str, facts: Mapping[str, object]) -> str:
    """Return what is wrong by pydantic's error type and its facts (``ctx``); a value is never repeated.

    What our own validators found (``SettingWrong``) is said as they said it.
    """
    found = facts.get("error")
    if isinstance(found, SettingWrong):
        return str(found)
    expected = str(facts.get("expected", "")).replace(" or ", ", ")
    return said(_NATIVE.get(kind, _OTHERWISE), **{**facts, "kind": kind, "expected": expected})
