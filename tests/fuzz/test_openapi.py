"""Whatever the served document allows or forbids to send: no answer is a server error, none undocumented."""

from __future__ import annotations

import hashlib
import hmac
import os
import time
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from openapi_spec_validator import validate
from requests.auth import AuthBase
from schemathesis import GenerationMode
from schemathesis.checks import (
    not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.core.result import Ok

from tests.acceptance.server import Server

EXAMPLES = {"quick": 25, "ci": 200, "thorough": 5_000}[os.environ.get("HYPOTHESIS_PROFILE", "ci")]

ANSWER_SECONDS = 1
CHECKS = [not_a_server_error, status_code_conformance, response_schema_conformance]


class Signed(AuthBase):
    """Signs a POST as a client does, over the bytes that are sent."""

    def __init__(self, key: str, secret: str) -> None:
        self.key, self.secret = key, secret

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        body = request.body or b""
        raw = body if isinstance(body, bytes) else body.encode()
        timestamp = str(int(time.time()))
        digest = hmac.new(self.secret.encode(), timestamp.encode() + b"\n" + raw, hashlib.sha256)
        request.headers["X-API-Key"] = self.key
        request.headers["X-Timestamp"] = timestamp
        request.headers["X-Signature"] = digest.hexdigest()
        return request


@pytest.fixture(scope="module")
def document(server: Server) -> dict[str, object]:
    told = requests.get(f"{server.url}/api/openapi.json", timeout=10)
    assert told.status_code == 200
    loaded: dict[str, object] = told.json()
    return loaded


@pytest.fixture(scope="module")
def api_schema(server: Server) -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_url(f"{server.url}/api/openapi.json")


def test_an_independent_validator_accepts_the_document(document: dict[str, object]) -> None:
    validate(document)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_nothing_that_is_sent_is_a_server_error(
    api_schema: schemathesis.BaseSchema, server: Server, mode: GenerationMode
) -> None:
    signed = Signed(server.keys[0], server.secrets[0])
    seen = 0
    for found in api_schema.get_all_operations():
        assert isinstance(found, Ok), "the document describes every operation well"
        operation = found.ok()
        can_be_wrong = bool(operation.query or operation.body)
        if mode is GenerationMode.NEGATIVE and not can_be_wrong:
            continue  # there is no wrong way to ask this

        @settings(
            max_examples=EXAMPLES // 2 if can_be_wrong else EXAMPLES,
            deadline=None,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
            database=None,
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def check(case: schemathesis.Case[Any]) -> None:
            response = case.call(auth=signed, timeout=10)
            # Invoices are 501 by contract; any other 5xx is a failure.
            checks = CHECKS[1:] if response.status_code == 501 else CHECKS
            case.validate_response(response, checks=checks)
            # The machine may be busy now and then; what is slow in itself is slow each time.
            assert response.elapsed < ANSWER_SECONDS or _quickest(case, signed) < ANSWER_SECONDS

        check()
        seen += 1
    assert seen >= 8


def _quickest(case: schemathesis.Case[Any], signed: Signed) -> float:
    """How long the quickest of a few more answers to the same request takes, in seconds."""
    return min(case.call(auth=signed, timeout=10).elapsed for _ in range(4))
