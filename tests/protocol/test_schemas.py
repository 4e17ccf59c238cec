"""The structs against the published schemas, property by property, down to the last object."""

import re
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest
from msgspec import UnsetType

from tests.protocol.published import resolve, schemas
from tests.protocol.values import is_struct, limits_of
from vivavoce import protocol
from vivavoce.protocol import ClientEvent, ServerEvent

BETA = {
    "RealtimeClientEventTranscriptionSessionUpdate",
    "RealtimeServerEventTranscriptionSessionUpdated",
    "RealtimeSession",
    "RealtimeSessionCreateRequest",
    "RealtimeSessionCreateResponse",
    "RealtimeTranscriptionSessionCreateRequest",
    "RealtimeTranscriptionSessionCreateResponse",
    "RealtimeConversationItemWithReference",
    "RealtimeFunctionTool",
}
"""Schemas of the beta dialect whose names do not say so. RealtimeFunctionTool belongs to both dialects and is
met below others."""

OBJECTS: dict[str, Any] = {
    "RealtimeSessionCreateRequestGA": protocol.RealtimeSessionParams,
    "RealtimeTranscriptionSessionCreateRequestGA": protocol.TranscriptionSessionParams,
    "RealtimeSessionCreateResponseGA": protocol.RealtimeSession,
    "RealtimeTranscriptionSessionCreateResponseGA": protocol.TranscriptionSession,
    "RealtimeTranslationSession": protocol.TranslationSession,
    "RealtimeTranslationSessionCreateRequest": protocol.TranslationSessionCreateParams,
    "RealtimeTranslationSessionUpdateRequest": protocol.TranslationSessionParams,
    "RealtimeTranslationClientSecretCreateRequest": protocol.TranslationClientSecretRequest,
    "RealtimeTranslationClientSecretCreateResponse": protocol.TranslationClientSecret,
    "RealtimeCreateClientSecretRequest": protocol.ClientSecretRequest,
    "RealtimeCreateClientSecretResponse": protocol.ClientSecret,
    "RealtimeCallCreateRequest": protocol.CallCreate,
    "RealtimeCallReferRequest": protocol.CallRefer,
    "RealtimeCallRejectRequest": protocol.CallReject,
    "RealtimeResponse": protocol.Response,
    "RealtimeResponseCreateParams": protocol.ResponseParams,
    "RealtimeConversationItem": protocol.Item,
    "RealtimeTruncation": protocol.Truncation,
    "RealtimeTurnDetection": protocol.TurnDetection | None,
    "RealtimeAudioFormats": protocol.AudioFormat,
    "WebhookRealtimeCallIncoming": protocol.RealtimeCallIncoming,
}
"""What stands for a schema that is no event. All others are reached through these and the events."""

DIFFERENCES: dict[str, str] = {
    **dict.fromkeys(
        [
            "Message.role: values ['assistant', 'system']",
            "Message.role: values ['assistant', 'user']",
            "Message.role: values ['system', 'user']",
        ],
        "one class for three schemas that differ in role; the strict decoder knows the content of each",
    ),
    **dict.fromkeys(
        [
            "ConversationItemInputAudioTranscriptionDelta.obfuscation: extra",
            "ResponseFunctionCallArgumentsDelta.obfuscation: extra",
            "ResponseOutputAudioDelta.obfuscation: extra",
            "ResponseOutputAudioTranscriptDelta.obfuscation: extra",
            "ResponseOutputTextDelta.obfuscation: extra",
        ],
        "on the wire, though not in the schema",
    ),
    **dict.fromkeys(
        [
            "InputText | InputAudio | InputImage.format: extra",
            "OutputText | OutputAudio.format: extra",
            "TextPart | AudioPart.format: extra",
        ],
        "in the example of a retrieved item; not accepted from clients",
    ),
    **dict.fromkeys(
        [
            "FunctionTool.name: required here",
            "InputText | InputAudio | InputImage.image_url: required here",
            "InputText | InputAudio | InputImage.text: required here",
            "InputText.text: required here",
            "NoiseReduction.type: required here",
            "OutputText | OutputAudio.text: required here",
            "Response.id: required here",
            "Response.status: required here",
            "RealtimeSession.model: required here",
            "Transcription.model: required here",
        ],
        "the object has no meaning without it, and no default is documented",
    ),
    **dict.fromkeys(
        [
            "RealtimeSession.object: optional here",
            "TranscriptionSession.object: optional here",
            "PromptCacheBreakpoint.mode: optional here",
            "TranslationSession.audio: optional here",
        ],
        "there is but one value, or a default that says the same",
    ),
    **dict.fromkeys(
        [
            "McpApprovalRequest.id: optional here",
            "McpCall.id: optional here",
            "McpApprovalResponse.id: optional here",
        ],
        "as for all other items, the server mints an id where a client gives none",
    ),
    **dict.fromkeys(
        [
            "ConversationItemInputAudioTranscriptionCompleted.usage: optional here",
            "ResponseFunctionCallArgumentsDone.name: optional here",
        ],
        "servers that leave it out are understood all the same",
    ),
    **dict.fromkeys(
        [
            "AudioPCM.rate: maximum 24000 here",
            "AudioPCM.rate: minimum 24000 here",
            "CallReject.status_code: maximum 699 here",
            "CallReject.status_code: minimum 300 here",
            "ConversationItemTruncate.audio_end_ms: minimum 0 here",
            "ConversationItemTruncate.content_index: minimum 0 here",
            "RealtimeSessionParams.max_output_tokens: maximum 4096 here",
            "RealtimeSessionParams.max_output_tokens: minimum 1 here",
            "ResponseParams.max_output_tokens: maximum 4096 here",
            "ResponseParams.max_output_tokens: minimum 1 here",
            "ServerVad.prefix_padding_ms: minimum 0 here",
            "ServerVad.silence_duration_ms: minimum 0 here",
            "ServerVad.threshold: maximum 1.0 here",
            "ServerVad.threshold: minimum 0.0 here",
        ],
        "the schema states the range in words, as an enumeration, or leaves it to common sense",
    ),
    **dict.fromkeys(
        ["SessionAudioOutput.speed: maximum None here", "SessionAudioOutput.speed: minimum None here"],
        "only servers send it",
    ),
    **dict.fromkeys(
        [
            "RealtimeSession.model: open to any string",
            "RealtimeSessionParams.model: open to any string",
            "ResponseAudioOutput.voice: open to any string",
            "SessionAudioOutput.voice: open to any string",
            "Transcription.model: open to any string",
        ],
        "open in the schema too, which lists names beside any string",
    ),
    **dict.fromkeys(
        [
            "RealtimeSession.temperature: extra",
            "RealtimeSessionParams.temperature: extra",
            "Response.temperature: extra",
            "ResponseParams.temperature: extra",
        ],
        "no client of the GA dialect may send it, so that none sees it",
    ),
    "ResponseParams.conversation: string": "the schema allows any string, its text only auto and none",
    "TranscriptionSession.object: string": "any string in the schema, on the wire always the same",
    "ResponseError.message: extra": "on the wire, though not in the schema",
    "InputAudioBufferDtmfEventReceived.event_id: extra": "not in the schema, yet every event may have one",
    "RealtimeSession.parallel_tool_calls: extra": "accepted in session.update, so shown in session.updated",
    **dict.fromkeys(
        ["Transcription.delay: extra", "Transcription.keywords: extra"],
        "one class for request and answer; the schema of the answer lacks them",
    ),
    "TranscriptionServerVad | TranscriptionSemanticVad.eagerness: extra": (
        "the schema of the answer has one object for both kinds and forgets what the second consists of"
    ),
    "TranslationTranscription.language: extra": "in the examples of the events",
}
"""Where the structs differ on purpose, and why."""


class Comparison:
    """Walks a schema and an annotation side by side and collects where they differ."""

    def __init__(self) -> None:
        self.differences: set[str] = set()
        self.seen: set[str] = set()

    def compare(self, schema: dict[str, Any], hint: Any, path: str) -> None:
        if "$ref" in schema:
            self.seen.add(schema["$ref"].rsplit("/", 1)[1])
        schema = resolve(schema)
        limits: dict[str, Any] = {}
        while get_origin(hint) is Annotated:
            limits |= limits_of(hint)
            hint = get_args(hint)[0]
        choices = schema.get("anyOf") or schema.get("oneOf")
        if len(schema.get("allOf", ())) == 1:
            self.compare(schema["allOf"][0], hint, path)
        elif choices:
            self._choices(choices, hint, limits, path)
        elif "properties" in schema:
            self._object(schema, hint, path)
        else:
            self._value(schema, hint, limits, path)

    def _choices(self, choices: list[dict[str, Any]], hint: Any, limits: dict[str, Any], path: str) -> None:
        for choice in self._flat(choices):
            resolved = resolve(choice)
            if resolved.get("type") == "null":
                if type(None) not in self._members(hint):
                    self.differences.add(f"{path}: null")
            elif "enum" in resolved and "properties" not in resolved and resolved["type"] == "string":
                self._enumeration(resolved["enum"], hint, limits, path)
            else:
                self.compare(choice, Annotated[hint, msgspec.Meta(extra=limits)], path)

    def _flat(self, choices: list[dict[str, Any]]) -> list[dict[str, Any]]:
        flat = []
        for choice in choices:
            resolved = resolve(choice)
            self.seen |= {choice["$ref"].rsplit("/", 1)[1]} if "$ref" in choice else set()
            inner = resolved.get("anyOf") or resolved.get("oneOf") or resolved.get("allOf")
            flat += self._flat(inner) if inner else [choice]
        return flat

    def _object(self, schema: dict[str, Any], hint: Any, path: str) -> None:
        structs = [member for member in self._members(hint) if is_struct(member)]
        properties = schema["properties"]
        tag = resolve(properties.get("type", {}))
        tags = tag.get("enum") or ([tag["const"]] if "const" in tag else [])
        if any(struct.__struct_config__.tag for struct in structs) and tags:
            named = [struct for struct in structs if struct.__struct_config__.tag in tags]
            for missing in set(tags) - {str(struct.__struct_config__.tag) for struct in named}:
                self.differences.add(f"{path}: {missing}")
            structs = named
        if not structs:
            self.differences.add(f"{path}: object")
            return
        known: set[str] = set()
        required: set[str] = set()
        for struct in structs:
            hints = get_type_hints(struct, include_extras=True)
            fields = {field.encode_name: field for field in msgspec.structs.fields(struct)}
            known |= set(fields) | ({"type"} if struct.__struct_config__.tag else set())
            required |= {name for name, field in fields.items() if field.required}
            for name, inner in properties.items():
                if name in fields:
                    self.compare(inner, hints[fields[name].name], f"{struct.__name__}.{name}")
        path = " | ".join(struct.__name__ for struct in structs)
        for name in set(properties) - known:
            self.differences.add(f"{path}.{name}: missing")
        for name in known - set(properties):
            self.differences.add(f"{path}.{name}: extra")
        for name in required - set(schema.get("required", ())):
            self.differences.add(f"{path}.{name}: required here")
        for name in set(schema.get("required", ())) - required - {"type"}:
            self.differences.add(f"{path}.{name}: optional here")

    def _value(self, schema: dict[str, Any], hint: Any, limits: dict[str, Any], path: str) -> None:
        kind = schema.get("type")
        members = self._members(hint)
        if schema.get("nullable") and type(None) not in members:
            self.differences.add(f"{path}: null")
        if kind == "array":
            arrays = [member for member in members if get_origin(member) is tuple]
            if not arrays:
                self.differences.add(f"{path}: array")
                return
            if schema.get("minItems", 0) != self._limits(tuple, hint, limits).get("min_length", 0):
                self.differences.add(f"{path}: minItems")
            self.compare(schema["items"], get_args(arrays[0])[0], f"{path}[]")
        elif kind == "string" and "enum" in schema:
            self._enumeration(schema["enum"], hint, limits, path)
        elif kind == "string":
            texts = [member for member in members if member is str or get_origin(member) is Annotated]
            if not texts:
                self.differences.add(f"{path}: string")
        elif kind in ("integer", "number"):
            self._range(schema, int if kind == "integer" else float, hint, limits, path)
        elif kind == "boolean":
            if bool not in members:
                self.differences.add(f"{path}: boolean")
        elif kind == "object":
            mappings = [member for member in members if get_origin(member) is dict]
            if not mappings:
                self.differences.add(f"{path}: object")
            elif isinstance(schema.get("additionalProperties"), dict):
                self.compare(schema["additionalProperties"], get_args(mappings[0])[1], f"{path}.*")
        else:
            self.differences.add(f"{path}: {kind}")

    def _range(
        self, schema: dict[str, Any], number: type, hint: Any, limits: dict[str, Any], path: str
    ) -> None:
        if number not in self._members(hint):
            self.differences.add(f"{path}: {number.__name__}")
            return
        found = self._limits(number, hint, limits)
        for ours, theirs in (("minimum", "minimum"), ("maximum", "maximum")):
            if found.get(ours) != schema.get(theirs):
                self.differences.add(f"{path}: {theirs} {found.get(ours)} here")

    def _enumeration(self, values: list[Any], hint: Any, limits: dict[str, Any], path: str) -> None:
        known: set[Any] = set(limits.get("one_of", ()))
        for member in get_args(hint) if get_origin(hint) in (Union, UnionType) else [hint]:
            if get_origin(member) is Annotated:
                known |= set(limits_of(member).get("one_of", ()))
                member = get_args(member)[0]
            if get_origin(member) is Literal:
                known |= set(get_args(member))
        if not known and str in self._members(hint):
            self.differences.add(f"{path}: open to any string")
        elif known != set(values):
            self.differences.add(f"{path}: values {sorted(known ^ set(values))}")

    def _limits(self, kind: type, hint: Any, limits: dict[str, Any]) -> dict[str, Any]:
        """The limits that hold for one kind of value among those that an annotation names."""
        for member in get_args(hint) if get_origin(hint) in (Union, UnionType) else [hint]:
            bare = get_args(member)[0] if get_origin(member) is Annotated else member
            if kind in (bare, get_origin(bare)):
                return limits | limits_of(member)
        return limits

    def _members(self, hint: Any) -> list[Any]:
        while get_origin(hint) is Annotated:
            hint = get_args(hint)[0]
        if get_origin(hint) in (Union, UnionType):
            return [inner for arg in get_args(hint) if arg is not UnsetType for inner in self._members(arg)]
        return [hint]


def _events() -> dict[str, Any]:
    """The events by the names of their schemas."""
    by_type = {"client": {}, "server": {}}  # type: dict[str, dict[str, Any]]
    for kind in get_args(ClientEvent):
        if kind is not protocol.TranslationSessionUpdate:
            by_type["client"][kind.type] = kind
    for kind in get_args(ServerEvent):
        by_type["server"][kind.type] = kind
    events = {}
    for name, schema in schemas().items():
        side = re.match(r"Realtime(?:Translation)?(Client|Server)Event.", name)
        if not side or name in BETA:
            continue
        tag = schema["properties"]["type"]["enum"][0].strip()
        events[name] = by_type[side[1].lower()][tag]
    events["RealtimeTranslationClientEventSessionUpdate"] = protocol.TranslationSessionUpdate
    return events


def _compare_all() -> Comparison:
    comparison = Comparison()
    for name, hint in {**OBJECTS, **_events()}.items():
        comparison.compare({"$ref": f"#/components/schemas/{name}"}, hint, name)
    return comparison


def test_structs_have_the_published_properties() -> None:
    found = _compare_all().differences
    assert sorted(found - set(DIFFERENCES)) == [], "differences without a reason"
    assert sorted(set(DIFFERENCES) - found) == [], "reasons without a difference"


def test_no_schema_is_forgotten() -> None:
    unions = {"RealtimeClientEvent", "RealtimeServerEvent"}
    unions |= {"RealtimeTranslationClientEvent", "RealtimeTranslationServerEvent"}
    beta = BETA | {name for name in schemas() if name.startswith("RealtimeBeta")}
    assert set(schemas()) - _compare_all().seen == (unions | beta) - {"RealtimeFunctionTool"}


def test_every_event_has_a_schema() -> None:
    with_schema = set(_events().values())
    assert with_schema == {*get_args(ClientEvent), *get_args(ServerEvent)}


@pytest.mark.parametrize("union", ["RealtimeClientEvent", "RealtimeServerEvent"])
def test_every_event_of_the_dialect_is_there(union: str) -> None:
    events = _events()
    names = [choice["$ref"].rsplit("/", 1)[1] for choice in schemas()[union]["anyOf"]]
    assert [name for name in names if name not in events] == []


def test_the_comparison_sees_a_difference() -> None:
    schema = {
        "properties": {
            "type": {"type": "string", "enum": ["near_field"]},
            "level": {"type": "integer"},
        }
    }
    comparison = Comparison()
    comparison.compare(schema, protocol.NoiseReduction, "x")
    assert comparison.differences == {
        "NoiseReduction.level: missing",
        "NoiseReduction.type: required here",
        "NoiseReduction.type: values ['far_field']",
    }
