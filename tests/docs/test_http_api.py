"""The HTTP reference is what the worker does: every route is in it, and the page is the one `make api-docs` would write."""

from __future__ import annotations

from tests.docs.http_api import FILE, document, rendered


def test_the_page_is_up_to_date() -> None:
    assert FILE.read_text() == rendered(), "run `make api-docs`"


def test_every_route_says_what_it_refuses_with() -> None:
    for path, methods in document()["paths"].items():
        for operation in methods.values():
            assert operation["description"].strip(), path
            assert "200" in operation["responses"], path
            if operation.get("security"):
                assert {"401", "404", "413", "415", "422", "429", "503"} <= operation["responses"].keys(), (
                    path
                )


def test_the_webhook_route_is_documented_although_it_stands_in_front_of_the_framework() -> None:
    assert {"200", "400", "401", "413", "415", "503"} <= document()["paths"]["/webhooks/portone"]["post"][
        "responses"
    ].keys()
