"""The numbers that `GET /metrics` tells."""

import asyncio

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.server.scripted import Stage
from tests.server.telemetry.test_traces import failing, say_something, spoken
from vivavoce.server.config import Config, MetricsSettings, ServerSettings
from vivavoce.server.telemetry.metrics import MAX_CODES, Metrics
from vivavoce.server.telemetry.telemetry import Telemetry

KEY = "sk-test-0123456789abcdefghij"


def read(text: bytes) -> dict[tuple[str, str], float]:
    """Each sample by its name and the values of its labels."""
    return {
        (sample.name, ",".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


async def test_a_spoken_turn_is_counted_stage_by_stage():
    telemetry = Telemetry(Config())
    assert telemetry.metrics is not None
    async with Stage(spoken, telemetry=telemetry) as stage:
        await say_something(stage)
        numbers = read(telemetry.metrics.text())
        assert numbers["vivavoce_sessions", "realtime"] == 1
    numbers = read(telemetry.metrics.text())
    assert numbers["vivavoce_sessions", "realtime"] == 0
    assert numbers["vivavoce_session_seconds_count", "realtime"] == 1
    assert numbers["vivavoce_turns_total", ""] == 1
    assert numbers["vivavoce_responses_total", "completed"] == 1
    for stage_name in ("transcription", "language", "speech", "response"):
        assert numbers["vivavoce_stage_seconds_count", stage_name] == 1, stage_name
    for stage_name in ("turn", "language", "speech", "response"):
        assert numbers["vivavoce_first_output_seconds_count", stage_name] == 1, stage_name
    assert numbers["vivavoce_tokens_total", "output"] > 0


async def test_errors_are_counted_by_code_and_failures_by_stage():
    telemetry = Telemetry(Config())
    assert telemetry.metrics is not None
    async with Stage(failing, telemetry=telemetry) as stage:
        await stage.send(type="nonsense")
        await stage.send(type="nonsense")
        await stage.send(type="response.create")
        await stage.transport.until("response.done")
    numbers = read(telemetry.metrics.text())
    assert numbers["vivavoce_errors_total", "invalid_value"] == 2
    assert numbers["vivavoce_stage_failures_total", "response"] == 1
    assert numbers["vivavoce_responses_total", "failed"] == 1


def test_engines_that_invent_codes_cost_no_memory_without_end():
    metrics = Metrics()
    for number in range(3 * MAX_CODES):
        metrics.error(f"code-{number}")
    numbers = read(metrics.text())
    codes = [labels for name, labels in numbers if name == "vivavoce_errors_total"]
    assert len(codes) == MAX_CODES + 1
    assert numbers["vivavoce_errors_total", "other"] == 2 * MAX_CODES


class Queued:
    queue_length = 3


async def test_queues_and_the_event_loop_are_watched_from_start_to_end():
    telemetry = Telemetry(Config())
    assert telemetry.metrics is not None
    for _ in range(2):  # an application may be started again
        telemetry.start({"espeak": Queued(), "pattern": object()})
        async with asyncio.timeout(10):
            while not read(telemetry.metrics.text())["vivavoce_event_loop_stall_seconds_count", ""]:
                await asyncio.sleep(0.01)
        numbers = read(telemetry.metrics.text())
        assert numbers["vivavoce_engine_queue_length", "espeak"] == 3
        assert ("vivavoce_engine_queue_length", "pattern") not in numbers
        await telemetry.aclose()
    assert not [task for task in asyncio.all_tasks() if "probe" in task.get_name()]


async def test_a_scraper_needs_a_key_where_there_are_any(serve):
    async with (
        serve(Config(server=ServerSettings(api_keys=(KEY,)))) as served,
        httpx.AsyncClient(base_url=served.http) as client,
    ):
        refused = await client.get("/metrics")
        scraped = await client.get("/metrics", headers={"Authorization": f"Bearer {KEY}"})
    assert refused.status_code == 401
    assert refused.json()["error"]["type"] == "invalid_request_error"
    assert scraped.status_code == 200
    assert scraped.headers["content-type"].startswith("text/plain; version=")
    assert ("vivavoce_turns_total", "") in read(scraped.content)


async def test_metrics_may_be_public_or_off(serve):
    public = Config(server=ServerSettings(api_keys=(KEY,)), metrics=MetricsSettings(public=True))
    async with serve(public) as served, httpx.AsyncClient(base_url=served.http) as client:
        assert (await client.get("/metrics")).status_code == 200
    off = Config(metrics=MetricsSettings(enabled=False))
    async with serve(off) as served, httpx.AsyncClient(base_url=served.http) as client:
        assert (await client.get("/metrics")).status_code == 404
