"""Programs ask and are answered; whatever one of them does, the station and the others go on."""

from __future__ import annotations

import itertools
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_runtime.cli import main
from edge_runtime.errors import InputError
from edge_runtime.station.config import SoftwareTrigger
from edge_runtime.station.records import VerdictRecord
from edge_runtime.station.triggers import TriggerRequest, open_triggers, unix_socket
from edge_runtime.station.triggers.client import NoVerdictError, ask
from edge_runtime.station.triggers.unix_socket import SocketTriggers

PATIENCE_S = 10.0


@pytest.fixture
def triggers(tmp_path: Path) -> Iterator[SocketTriggers]:
    opened = open_triggers(SoftwareTrigger(kind="software"), tmp_path)
    assert isinstance(opened, SocketTriggers)
    yield opened
    opened.close()
    assert not (tmp_path / "trigger.sock").exists()


def connected(triggers: SocketTriggers) -> socket.socket:
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.settimeout(PATIENCE_S)
    client.connect(str(triggers._path))
    return client


def requests_of(triggers: SocketTriggers, count: int) -> list[TriggerRequest]:
    """Wait as the station does until so many triggers came."""
    requests: list[TriggerRequest] = []
    by_s = time.monotonic() + PATIENCE_S
    while len(requests) < count and time.monotonic() < by_s:
        if wait(triggers.connections(), 0.1):
            requests += triggers.take()
    assert len(requests) == count
    return requests


def looked_after(triggers: SocketTriggers) -> list[TriggerRequest]:
    """What comes until nothing comes any more."""
    requests = []
    while wait(triggers.connections(), 0.05):
        requests += triggers.take()
    return requests


def verdict(request: TriggerRequest, sequence: int = 1, detail: str | None = None) -> VerdictRecord:
    return VerdictRecord("press-3", sequence, request.trigger, "gear", "ok", "2026-01-01T00:00:00", detail=detail)


def lines_of(client: socket.socket, count: int) -> list[dict[str, Any]]:
    data = b""
    while data.count(b"\n") < count:
        received = client.recv(65536)
        assert received, data
        data += received
    return [json.loads(line) for line in data.splitlines()]


def test_a_trigger_is_answered_with_its_verdict(triggers: SocketTriggers) -> None:
    with connected(triggers) as client:
        client.sendall(b'{"part_id": "A17", "trigger_id": "t-1"}\n')
        (request,) = requests_of(triggers, 1)
        assert (request.trigger.trigger_id, request.trigger.part_id, request.trigger.source) == (
            "t-1",
            "A17",
            "software",
        )
        request.reply(verdict(request))
        (answer,) = lines_of(client, 1)
        assert VerdictRecord.from_json(answer) == verdict(request)


def test_triggers_without_an_id_get_one_each(triggers: SocketTriggers) -> None:
    with connected(triggers) as client:
        client.sendall(b'{"part_id": "A17"}\n{"part_id": "A17"}\n')
        ids = {request.trigger.trigger_id for request in requests_of(triggers, 2)}
        assert len(ids) == 2


def test_only_this_user_can_connect(triggers: SocketTriggers) -> None:
    assert triggers._path.stat().st_mode & 0o777 == 0o600


def test_two_clients_get_their_own_answers_in_any_order(triggers: SocketTriggers) -> None:
    with connected(triggers) as one, connected(triggers) as other:
        one.sendall(b'{"part_id": "1"}\n{"part_id": "2"}\n')
        other.sendall(b'{"part_id": "3"}\n')
        requests = sorted(requests_of(triggers, 3), key=lambda request: request.trigger.part_id)
        for request in reversed(requests):
            request.reply(verdict(request))
        assert [line["trigger"]["part_id"] for line in lines_of(one, 2)] == ["2", "1"]
        assert [line["trigger"]["part_id"] for line in lines_of(other, 1)] == ["3"]
        assert "2 clients" in triggers.health().text


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"no json", "no line of JSON"),
        (b"\xff\xfe", "no line of JSON"),
        (b"[" * 3000, "no line of JSON"),
        (b"[]", "other keys"),
        (b"{}", "other keys"),
        (b'{"part_id": "a", "trigger": 1}', "other keys"),
        (b'{"part_id": 7}', "part_id 7"),
        (b'{"part_id": ""}', "part_id ''"),
        (b'{"part_id": "a\\u0000"}', "part_id"),
        (b'{"part_id": "a", "trigger_id": null}', "trigger_id None"),
        (b'{"part_id": "' + b"a" * 201 + b'"}', "printable characters"),
    ],
)
def test_a_malformed_line_gets_an_error_and_the_next_is_taken(triggers: SocketTriggers, line: bytes, said: str) -> None:
    with connected(triggers) as client:
        client.sendall(line + b'\n\n{"part_id": "good"}\n')
        (request,) = requests_of(triggers, 1)
        assert request.trigger.part_id == "good"
        (answer,) = lines_of(client, 1)
        assert said in answer["error"] + " / " + answer["mend"]


def test_a_line_without_an_end_is_cut_off(triggers: SocketTriggers) -> None:
    with connected(triggers) as client:
        client.sendall(b"a" * 10_000)
        assert looked_after(triggers) == []
        assert "a line of more than 4096 bytes" in lines_of(client, 1)[0]["error"]
        assert client.recv(1) == b""


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=300), cuts=st.lists(st.integers(0, 300), max_size=5))
def test_any_bytes_in_any_pieces(triggers: SocketTriggers, data: bytes, cuts: list[int]) -> None:
    whole = data.replace(b"\n", b" ") + b'\n{"part_id": "good"}\n'
    places = [0, *sorted(cut for cut in cuts if cut < len(whole)), len(whole)]
    requests = []
    with connected(triggers) as client:
        for start, end in itertools.pairwise(places):
            client.sendall(whole[start:end])
            requests += triggers.take()
        requests += looked_after(triggers) if not requests else []
        assert [request.trigger.part_id for request in requests] == ["good"]
    looked_after(triggers)


def test_a_client_that_goes_before_its_verdict(triggers: SocketTriggers) -> None:
    client = connected(triggers)
    client.sendall(b'{"part_id": "1"}\n{"part_id": "2"}\n')
    first, second = requests_of(triggers, 2)
    client.close()
    first.reply(verdict(first))
    looked_after(triggers)
    second.reply(verdict(second))
    assert "0 clients" in triggers.health().text


def test_a_client_that_says_no_more_still_gets_its_verdict(triggers: SocketTriggers) -> None:
    with connected(triggers) as client:
        client.sendall(b'{"part_id": "1"}\n')
        client.shutdown(socket.SHUT_WR)
        (request,) = requests_of(triggers, 1)
        # A client that only waits wakes nobody.
        looked_after(triggers)
        request.reply(verdict(request))
        assert lines_of(client, 1)[0]["verdict"] == "ok"
        assert client.recv(1) == b""


def test_a_client_that_never_reads_is_let_go_of(triggers: SocketTriggers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unix_socket, "LARGEST_UNREAD_BYTES", 50_000)
    with connected(triggers) as deaf, connected(triggers) as good:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        for number in range(1000):
            deaf.sendall(b'{"part_id": "deaf"}\n')
            (request,) = requests_of(triggers, 1)
            request.reply(verdict(request, number, detail="x" * 1000))
            if triggers.take_events():
                break
        else:
            raise AssertionError("it was never let go of")
        good.sendall(b'{"part_id": "good"}\n')
        (request,) = requests_of(triggers, 1)
        request.reply(verdict(request))
        assert lines_of(good, 1)[0]["trigger"]["part_id"] == "good"


def test_a_slow_client_gets_all_answers(triggers: SocketTriggers) -> None:
    with connected(triggers) as client:
        client.sendall(b'{"part_id": "1"}\n' * 200)
        for number, request in enumerate(requests_of(triggers, 200)):
            request.reply(verdict(request, number, detail="x" * 2000))
        found: list[dict[str, Any]] = []
        reader = threading.Thread(target=lambda: found.extend(lines_of(client, 200)))
        reader.start()
        while reader.is_alive():
            if wait(triggers.connections(), 0.05):
                assert triggers.take() == []
        assert [line["sequence"] for line in found] == list(range(200))
        assert triggers.take_events() == []


def test_a_client_that_asks_too_much_is_told(triggers: SocketTriggers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unix_socket, "LARGEST_UNANSWERED", 2)
    with connected(triggers) as client:
        client.sendall(b'{"part_id": "1"}\n' * 3)
        requests = requests_of(triggers, 2)
        assert "2 triggers of this client wait" in lines_of(client, 1)[0]["error"]
        requests[0].reply(verdict(requests[0]))
        client.sendall(b'{"part_id": "4"}\n')
        assert requests_of(triggers, 1)[0].trigger.part_id == "4"


def test_too_many_clients_are_told(triggers: SocketTriggers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unix_socket, "LARGEST_CLIENTS", 1)
    with connected(triggers), connected(triggers) as second:
        looked_after(triggers)
        assert "1 clients are connected" in lines_of(second, 1)[0]["error"]
        assert second.recv(1) == b""


def test_a_second_service_is_refused_and_a_killed_one_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "trigger.sock"
    first = SocketTriggers(path)
    with pytest.raises(InputError, match="another service listens"):
        SocketTriggers(path)
    # As a SIGKILL leaves it: the file is there, and nobody listens.
    first._listener.close()
    second = SocketTriggers(path)
    first.close()
    assert path.exists()
    assert second.health().state == "ok"
    path.unlink()
    assert second.health().state == "failed"
    second.close()


def test_what_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "trigger.sock").write_text("mine")
    with pytest.raises(InputError, match="is no socket"):
        SocketTriggers(tmp_path / "trigger.sock")
    assert (tmp_path / "trigger.sock").read_text() == "mine"


def test_a_path_that_is_too_long(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="too long for a socket"):
        SocketTriggers(tmp_path / ("a" * 100) / "trigger.sock")


@pytest.fixture
def answering(triggers: SocketTriggers) -> Iterator[SocketTriggers]:
    """A station that finds every part sound, but never answers on `slow`."""
    is_over = threading.Event()

    def serve() -> None:
        while not is_over.is_set():
            if wait(triggers.connections(), 0.02):
                for request in triggers.take():
                    if request.trigger.part_id != "slow":
                        request.reply(verdict(request))

    with ThreadPoolExecutor(1) as pool:
        served = pool.submit(serve)
        yield triggers
        is_over.set()
        served.result()


def test_the_client_asks_and_waits(answering: SocketTriggers, tmp_path: Path) -> None:
    record = ask(answering._path, "A17", "t-9")
    assert (record.verdict, record.trigger.trigger_id) == ("ok", "t-9")
    with pytest.raises(InputError, match="printable"):
        ask(answering._path, "A\n17")
    with pytest.raises(NoVerdictError, match=r"no verdict on slow within 0\.05 s / ask again with trigger id t-1"):
        ask(answering._path, "slow", "t-1", timeout_s=0.05)
    with pytest.raises(InputError, match="no station listens"):
        ask(tmp_path / "none.sock", "A17")


def test_the_command(answering: SocketTriggers, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = tmp_path / "record.json"
    assert main(["trigger", "--state", str(tmp_path), "--part-id", "A17", "--json", str(report)]) == 0
    assert capsys.readouterr().out == "part A17: ok\n"
    assert json.loads(report.read_text())["trigger"]["part_id"] == "A17"
    assert main(["trigger", "--socket", str(tmp_path / "no.sock"), "--part-id", "A17"]) == 2
    assert "no station listens" in capsys.readouterr().err
