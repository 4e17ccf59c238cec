"""The speaking side of a session: its responses, the one in the conversation and those beside it."""

import msgspec

from vivavoce.protocol import (
    ConversationItemTruncated,
    InvalidEvent,
    OutputPart,
    RateLimitsUpdated,
    ResponseEnd,
    ResponseFailure,
    ResponseParams,
    ServerVad,
    Usage,
    errors,
)
from vivavoce.session import configuration, limits
from vivavoce.session.barge_in import BargeIns
from vivavoce.session.calls import Calls
from vivavoce.session.clock import TICKS_PER_MS, milliseconds
from vivavoce.session.compaction import Memory
from vivavoce.session.context import Context
from vivavoce.session.conversation import StoredItem, Understanding
from vivavoce.session.core import Core
from vivavoce.session.effects import Cancel, Respond
from vivavoce.session.idle import IdleTimer
from vivavoce.session.listening import Listening
from vivavoce.session.mcp import Servers
from vivavoce.session.playing import Playing
from vivavoce.session.playout import FORMAT, OutputAudioBuffer
from vivavoce.session.response import ActiveResponse, ResponseSettings, ResponseState
from vivavoce.session.transcribing import Transcribing

NOT_UNDERSTOOD = "What was said could not be transcribed, so there is nothing to answer."


class Answering:
    """At most one response in the default conversation at a time; out-of-band ones beside it."""

    __slots__ = (
        "_barge_ins",
        "_beside",
        "_context",
        "_core",
        "_listening",
        "_transcribing",
        "active",
        "calls",
        "idle",
        "memory",
        "playing",
        "playout",
        "servers",
    )

    def __init__(
        self, core: Core, listening: Listening, transcribing: Transcribing, barge_ins: BargeIns
    ) -> None:
        self._core = core
        self._barge_ins = barge_ins
        self._listening = listening
        self._transcribing = transcribing
        self._context = Context(core.options)
        self.memory = Memory(core, self._context)
        self.active: ActiveResponse | None = None
        """The response in progress in the default conversation."""
        self._beside: dict[str, ActiveResponse] = {}
        self.idle = IdleTimer()
        self.playing = Playing()
        self.playout = OutputAudioBuffer(core.emit, self._heard) if core.options.plays else None
        """What is being played, where the session knows it and need not guess."""
        self.servers = Servers(core)
        self.calls = Calls(core, self.servers)

    @property
    def in_progress(self) -> list[ActiveResponse]:
        return [*([] if self.active is None else [self.active]), *self._beside.values()]

    def goes_on(self, now: float) -> bool:
        """Whether a reply is being made, or may still be heard."""
        if self.playout is not None:
            return self.playout.goes_on(None if self.active is None else self.active.id)
        return self.playing.may_be_heard(now, in_progress=self.active is not None)

    def settle(self, params: ResponseParams) -> ResponseSettings:
        """What a response with these parameters would go by, if it can begin now; raises InvalidEvent
        otherwise."""
        core = self._core
        beside = params.conversation == "none"
        limit = core.options.max_parallel_responses
        if beside and len(self._beside) + self.calls.n_beside >= limit:
            raise InvalidEvent(limits.too_many_responses(limit))
        if not beside and self.active is not None:
            raise InvalidEvent(errors.active_response(self.active.id))
        return self._settings(params, voice_locked=not beside and core.conversation.has_assistant_audio)

    def begin(
        self,
        settings: ResponseSettings,
        context: tuple[StoredItem, ...],
        params: ResponseParams,
        *,
        round: int = 0,
        now: float,
    ) -> None:
        """Create a response over this context, in the conversation or beside it."""
        core = self._core
        beside = params.conversation == "none"
        whole = not beside and not isinstance(params.input, tuple)
        approved = []
        if whole:
            self.calls.seen()
        if whole and self.calls.has_approved:
            approved = self.calls.take_approved(self.servers.offer(settings.tools, settings.tool_choice))
        response = ActiveResponse(
            settings=settings,
            params=params,
            round=round,
            conversation=None if beside else core.conversation,
            context=context,
            lasting=whole,
            wait=not core.options.hears_audio and not approved,
            mint=core.mint,
            emit=core.emit,
            count_tokens=core.options.count_tokens,
            max_tokens=core.options.max_response_tokens,
            playout=self.playout,
        )
        if beside:
            self._beside[response.id] = response
        else:
            self.idle.disarm()
            self.playing.begin()
            self._barge_ins.dismiss_said()
            self.active = response
        self.servers.refresh(settings.tools, again=False)
        if approved:
            self._finished(response, response.grant(approved), now)
        elif response.state is ResponseState.GENERATING:
            self._start(response, now)

    def follow_up(self, now: float) -> None:
        """Go on from responses whose calls have been answered: in the conversation when nobody speaks,
        neither the assistant nor a user."""
        if not self.calls.is_due:
            return
        for round in self.calls.take_due_beside():
            self._go_on(round.response, now)
        if self.active is None and not self._listening.in_turn and (due := self.calls.take_due()):
            self._go_on(due.response, now)

    def resume(self, now: float) -> None:
        """More was understood, or will never be: begin the responses that waited for just that."""
        for response in self.in_progress:
            if response.understood():
                self._start(response, now)

    def produced(self, response_id: str, part: OutputPart, now: float) -> bool:
        """A part of an answer; ignored if its response is over. True if that was its last."""
        response = self._find(response_id)
        if response is None or response.state is not ResponseState.GENERATING:
            return False
        used = response.produce(part, now)
        if used is None:
            return False
        if not isinstance(part, ResponseEnd | ResponseFailure):
            # The response reached its limit; whoever answers does not know.
            self._core.do(Cancel(response.id))
        self._finished(response, used, now)
        return True

    def cancel(self, response_id: str | None, now: float) -> None:
        """The client cancels a response, or the active one. Raises InvalidEvent if there is none."""
        response = self.active if response_id is None else self._find(response_id)
        if response is None:
            raise InvalidEvent(errors.cancel_not_active())
        is_active = response is self.active
        if is_active:
            self.calls.hush()
        self._stop(response)
        self._finished(response, response.cancel("client_cancelled"), now)
        if is_active:
            self.playing.cut_short()

    def interrupt(self, now: float) -> None:
        """Somebody speaks: the active response, if any, ends, and nothing is played of what it said."""
        if self.playout is not None:
            self.playout.interrupt()
            if self.active is not None and (unspoken := self.active.output.unspoken):
                self._heard(unspoken, 0)
        if self.active is not None:
            self._stop(self.active)
            self._finished(self.active, self.active.cancel("turn_detected"), now)
        self.playing.cut_short()

    def silence(self, now: float) -> None:
        """The client wants to hear nothing of what is being played."""
        if self.playout:
            self.playout.clear()
            self.played(now)

    def played(self, now: float) -> None:
        """Something was played, or will not be: perhaps nothing more is left."""
        if not self.playout:
            self.idle.played(now, self._listening.position)

    def truncate(self, stored: StoredItem, end_ms: int) -> None:
        """Keep what was heard in the first `end_ms` of the assistant's audio."""
        stored.truncate(end_ms)
        self.memory.changed(stored)
        self._core.emit(ConversationItemTruncated, item_id=stored.id, content_index=0, audio_end_ms=end_ms)

    def fail_all(self, type_: str, code: str | None, message: str, now: float) -> None:
        """The session is over: so is every response."""
        if self.playout is not None:
            self.playout.drop()
        for response in self.in_progress:
            self._stop(response)
            self._finished(response, response.fail(type_, code, message), now)
        self.memory.abandon()
        self.calls.end()
        self.servers.end()
        self.idle.disarm()

    def awaits(self, stored: StoredItem) -> bool:
        """Whether a response waits for the words of this item."""
        pending = stored.understanding is Understanding.PENDING
        return pending and any(stored in response.context for response in self.in_progress)

    def is_writing(self, item_id: str) -> bool:
        """Whether a response is writing an item with this id."""
        return any(response.output.is_writing(item_id) for response in self.in_progress)

    def _find(self, response_id: str) -> ActiveResponse | None:
        if self.active is not None and self.active.id == response_id:
            return self.active
        return self._beside.get(response_id)

    def _start(self, response: ActiveResponse, now: float) -> None:
        said = next((stored for stored in reversed(response.context) if stored.is_users), None)
        if said is not None and said.understanding is Understanding.FAILED:
            self._finished(response, response.fail("server_error", None, NOT_UNDERSTOOD), now)
            return
        try:
            offer = self.servers.offer(response.settings.tools, response.settings.tool_choice)
            request = response.request(offer, self._context, with_audio=self._core.options.hears_audio)
            if (refusal := self._core.options.admit(response.reads, now)) is not None:
                raise InvalidEvent(refusal)
        except InvalidEvent as invalid:
            error = invalid.error
            self._finished(response, response.fail(error.type, error.code, error.message), now)
        else:
            self._core.do(Respond(request))

    def _finished(self, response: ActiveResponse, used: Usage, now: float) -> None:
        """The response's last event is out."""
        if self.playout is not None:
            self.playout.complete(response.id)
        if response is self.active:
            self.active = None
            begun = now if response.first_audio_at is None else response.first_audio_at
            self.playing.end(max(now, begun + response.output.audio_ticks() / (1000 * TICKS_PER_MS)))
            self._arm_idle(now)
        else:
            del self._beside[response.id]
        for stored in response.context:
            if stored.understanding is Understanding.PENDING and not self._is_wanted(stored):
                self._transcribing.abandon(stored.id)
        self._core.emit(RateLimitsUpdated, rate_limits=self._core.options.meter(used, now))
        self.calls.make(response)
        if self.calls.are_running:
            self.idle.disarm()  # nobody is idle who has asked for something
        if response.lasting:
            self.memory.consider(response)

    def _go_on(self, done: ActiveResponse, now: float) -> None:
        """The response that follows one whose calls have been answered: it goes by the same parameters, but
        need not call again, and after too many rounds must not."""
        core = self._core
        settings = self._settings(done.params, voice_locked=False)
        if done.round + 1 >= core.options.max_tool_rounds:
            settings = msgspec.structs.replace(settings, tools=(), tool_choice="none")
        elif settings.tool_choice != "none":
            settings = msgspec.structs.replace(settings, tool_choice="auto")
        context = core.conversation.present if done.lasting else (*done.context, *done.output.stored)
        self.begin(settings, context, done.params, round=done.round + 1, now=now)

    def _settings(self, params: ResponseParams, *, voice_locked: bool) -> ResponseSettings:
        core = self._core
        settings = configuration.for_response(
            core.effective,
            params,
            voice_locked=voice_locked,
            reasons=core.options.reasons,
            prompts=core.options.prompts,
        )
        # What the transport plays is not for the client to choose.
        return msgspec.structs.replace(settings, output_format=FORMAT) if core.options.plays else settings

    def _heard(self, stored: StoredItem, played_ms: int) -> None:
        """Nothing more of an item will be played. The client may have truncated it already, or deleted it."""
        answer = stored.answer
        if answer is None or self._core.conversation.get(stored.id) is not stored:
            return
        length = milliseconds(answer.ticks)
        if played_ms < length or not answer.is_cut:
            self.truncate(stored, min(played_ms, length))

    def _is_wanted(self, stored: StoredItem) -> bool:
        """Whether somebody still has a use for the words of this item."""
        return self._core.conversation.get(stored.id) is stored or self.awaits(stored)

    def _stop(self, response: ActiveResponse) -> None:
        """Whoever answers, if anybody does yet, need not go on."""
        if response.state is ResponseState.GENERATING:
            self._core.do(Cancel(response.id))

    def _arm_idle(self, now: float) -> None:
        detection = self._core.turn_detection
        if self._listening.in_turn or not isinstance(detection, ServerVad):
            return
        if detection.idle_timeout_ms is not None:
            until: float | None = self.playing.until
            if self.playout is not None:
                until = None if self.playout else now
            self.idle.arm(until, detection.idle_timeout_ms)
