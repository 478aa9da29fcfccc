from __future__ import annotations

from pathlib import Path

import pytest

from factory_assets.planning.instances import InstanceError, parse_instance, read_instance


def test_job_shop_is_read() -> None:
    problem = parse_instance("2 2\n0 3 1 2\n1 4\n", flexible=False)
    assert [len(order.operations) for order in problem.orders] == [2, 1]
    second = problem.operations["j0-1"]
    assert (second.modes[0].machine, second.modes[0].duration_min, second.after) == ("m1", 2, ("j0-0",))


def test_flexible_job_shop_is_read() -> None:
    problem = parse_instance("1 3\n2 2 0 5 2 6 1 1 4\n", flexible=True)
    first, second = problem.orders[0].operations
    assert [(mode.machine, mode.duration_min) for mode in first.modes] == [("m0", 5), ("m2", 6)]
    assert second.after == ("j0-0",)


@pytest.mark.parametrize(
    ("text", "flexible", "words"),
    [
        ("", False, "empty"),
        ("2\n0 1\n", False, "line 1: expected the numbers of jobs and machines"),
        ("2 1\n0 1\n", False, "2 jobs are announced, 1 lines follow"),
        ("1 1\n0 1 0\n", False, "line 2: expected pairs"),
        ("1 1\n0 x\n", False, "line 2: only whole numbers"),
        ("1 1\n1 1\n", False, "machine 1 is not one of 0 to 0"),
        ("1 1\n0 -1\n", False, "negative duration"),
        ("1 1\n1 2 0 5\n", True, "ends within an operation"),
        ("1 1\n1 0\n", True, "has no machine"),
        ("1 1\n1 1 0 5 9\n", True, "numbers are left"),
    ],
)
def test_bad_files_are_named(text: str, flexible: bool, words: str) -> None:
    with pytest.raises(InstanceError, match=words):
        parse_instance(text, flexible=flexible)


def test_the_folder_says_the_format(tmp_path: Path) -> None:
    for kind, line in (("jsp", "0 3"), ("fjsp", "1 1 0 3")):
        folder = tmp_path / kind
        folder.mkdir()
        (folder / "one.txt").write_text(f"1 1\n{line}\n")
        assert read_instance(folder / "one.txt").operations["j0-0"].modes[0].duration_min == 3
    (tmp_path / "one.txt").write_text("1 1\n0 3\n")
    with pytest.raises(InstanceError, match="jsp or fjsp"):
        read_instance(tmp_path / "one.txt")
