from __future__ import annotations

import os
import threading
from multiprocessing import Pipe

import pytest

from edge_runtime.station.messages import HEADER, receive, send


def test_messages_come_in_their_order_and_whole() -> None:
    mine, theirs = Pipe()
    sent = [("judge", 1, 2, 6, (224, 224), False), ("warm",), None, "x" * 1000]
    for message in sent:
        send(mine, message)
    assert [receive(theirs) for _ in sent] == sent


def test_one_that_is_larger_than_the_pipe_is_sent_in_pieces() -> None:
    mine, theirs = Pipe()
    large = b"a picture" * 200_000
    sender = threading.Thread(target=send, args=(mine, large))
    sender.start()
    assert receive(theirs) == large
    sender.join()


def test_the_library_understands_them_and_is_understood() -> None:
    mine, theirs = Pipe()
    send(mine, ("done", "A17"))
    assert theirs.recv() == ("done", "A17")
    theirs.send(("failed", "no camera"))
    assert receive(mine) == ("failed", "no camera")


def test_an_end_that_is_closed_is_told() -> None:
    mine, theirs = Pipe()
    os.write(theirs.fileno(), HEADER.pack(100) + b"half a message")
    theirs.close()
    for _ in range(2):
        with pytest.raises(EOFError):
            receive(mine)
    with pytest.raises(OSError):
        send(mine, ("warm",))
    mine.close()
    with pytest.raises(OSError, match="closed"):
        receive(mine)
