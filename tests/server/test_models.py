"""Model names: OpenAI's by default, the configured ones once there are any."""

import typing

import pytest
from openai.types.realtime import realtime_session_create_request

from vivavoce.server.models import NOT_CONVERSING_MODELS, OPENAI_REALTIME_MODELS, ModelNames


def test_the_list_is_that_of_the_official_package():
    model = realtime_session_create_request.RealtimeSessionCreateRequest.model_fields["model"].annotation
    names = {name for part in _leaves(model) for name in typing.get_args(part) if isinstance(name, str)}
    named = {name for name in names if name.startswith("gpt-")}
    assert named
    assert named - NOT_CONVERSING_MODELS <= set(OPENAI_REALTIME_MODELS)


def _leaves(annotation):
    if typing.get_origin(annotation) is typing.Literal:
        return [annotation]
    return [leaf for part in typing.get_args(annotation) for leaf in _leaves(part)]


@pytest.mark.parametrize("name", [*OPENAI_REALTIME_MODELS, "my-own", "gpt-realtime-3"])
def test_by_default_any_name_is_accepted(name: str):
    assert ModelNames().refusal(name) is None


@pytest.mark.parametrize("name", sorted(NOT_CONVERSING_MODELS))
def test_models_that_do_not_converse_are_refused(name: str):
    error = ModelNames().refusal(name)
    assert error.code == "invalid_model"
    assert error.message.startswith(f'Model "{name}" is not supported in realtime mode')


def test_configured_names_are_the_only_ones():
    names = ModelNames(["butler", "whisper-1"])
    assert names.listed == ("butler", "whisper-1")
    assert names.refusal("butler") is None
    assert names.refusal("whisper-1") is None
    error = names.refusal("gpt-realtime")
    assert (error.type, error.code, error.param) == ("invalid_request_error", "invalid_model", None)
    assert error.message == (
        'Model "gpt-realtime" is not supported in realtime mode. This server answers to: butler, whisper-1.'
    )


def test_a_long_name_is_not_repeated_whole():
    error = ModelNames(["butler"]).refusal("x" * 10_000)
    assert len(error.message) < 300
